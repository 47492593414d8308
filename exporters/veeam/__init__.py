"""Veeam Backup & Replication by its REST API (port 9419), versions 12.0 to 13.1. See README.md beside this file."""

from __future__ import annotations

from exporters.veeam.source import SOURCE, VeeamSource
from exporters.vendor import Source, SystemSettings

__all__ = ["SOURCE", "connect"]


def connect(settings: SystemSettings, cursor: str | None) -> Source:
    """A source for one backup server; nothing is asked of it before the first poll.

    Raises ConfigError when the account is missing or the url cannot be used.
    """
    return VeeamSource(settings, cursor)
