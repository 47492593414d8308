"""Acronis Cyber Protect Cloud, read partner-wide by one API client; a management server of one's own experimentally.

See README.md beside this file.
"""

from __future__ import annotations

from exporters.acronis.source import SOURCE, AcronisSource
from exporters.vendor import Source, SystemSettings

__all__ = ["SOURCE", "connect"]


def connect(settings: SystemSettings, cursor: str | None) -> Source:
    """A source for one data centre and one API client; nothing is asked of it before the first poll.

    Options: `history`, `recovery_points`, `restores`, `token_path` (see README.md). Raises ConfigError when the API
    client is missing, the url cannot be used, or an option cannot be read.
    """
    return AcronisSource(settings, cursor)
