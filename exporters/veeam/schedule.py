"""How often each part is read, and how far back."""

from __future__ import annotations

from datetime import timedelta

HOUR = timedelta(hours=1)
CONFIG = HOUR
CHAINS = timedelta(minutes=15)
# Points of the last RECENT are listed anew hourly: copies bear their source's older time, scans find malware later,
# people delete points. Everything is listed anew daily: retention deletes.
RECENT_EVERY = HOUR
RECENT = timedelta(days=2)
RESYNC = timedelta(hours=24)
# A row may become visible a while after the time it bears.
OVERLAP = HOUR
POINT_OVERLAP = timedelta(hours=2)
RESUME_OVERLAP = timedelta(days=1)
# The first listing of points, then wider ones while an object that has points still shows none; None is all.
WINDOWS = (timedelta(days=8), timedelta(days=30), timedelta(days=120), None)
HISTORY = timedelta(days=31)
