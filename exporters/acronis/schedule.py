"""How often each part is read, and how far back."""

from __future__ import annotations

from datetime import timedelta

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
# Everything that is read by what changed is read anew this seldom: deltas miss what no update marks.
RESYNC = timedelta(hours=24)
# Statuses anew where changes cannot be asked for, or where only they tell whether an agent is online.
STATUSES_WITHOUT_DELTA, STATUSES_WITHOUT_AGENTS = 30 * MINUTE, HOUR
# The vendor refreshes usages every half an hour.
USAGES = 30 * MINUTE
AGENTS = 15 * MINUTE
PLANS = HOUR
APPLICATIONS = 6 * HOUR
ALERTS = 6 * HOUR
VAULTS = HOUR
HISTORY = timedelta(days=31)
# Backups are read for the newest of each resource: further back the statuses tell enough.
BACKUPS_BACK = timedelta(days=8)

# A row may become visible a while after the time it bears.
OVERLAP = 30 * MINUTE
DELTA_OVERLAP = 10 * MINUTE
RESUME_OVERLAP = timedelta(days=2)
