"""What a task's warning tells of the state a point's data is in. Pure.

With "Try application processing, but ignore failures" a backup goes on without its guest: the task ends with a warning
and the point is as a power cut would leave it (VBR user guide, "Application-Aware Processing"). No field says so in any
revision; the words of the warning do. Other warnings (log truncation, indexing, free space) say nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Each with where it is written so. "undocumented" is what consoles are known to show.
CRASH_WORDS: Mapping[str, str] = {
    r"crash.consistent": "VBR user guide, Application-Aware Processing: what the resulting backup then is",
    r"vsscontrol:": "Veeam KB1377: the guest was not prepared for the freeze, or not frozen",
    r"(?:failed|unable) to (?:prepare|freeze) guest": "Veeam KB1377, and hot backup without a way into the guest",
    r"(?:failed|unable|cannot|could not)(?: to)? perform (?:guest processing|application[- ]aware)": "undocumented",
    r"guest processing (?:has |was )?(?:failed|skipped)": "undocumented, Hyper-V: the guest's VSS state is in doubt",
    r"application[- ]aware processing (?:has |was )?(?:failed|skipped)": "undocumented, the same from the other end",
}

_CRASH = re.compile("|".join(CRASH_WORDS), re.IGNORECASE)


def guest_failed(message: str | None) -> bool:
    """Whether a warning says that the guest's applications were not brought to rest for the backup."""
    return bool(message) and _CRASH.search(message or "") is not None
