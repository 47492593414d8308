"""Veeam Backup & Replication, 12.0 to 13.1, by its REST API (port 9419), by Enterprise Manager's (9398), or by both.

See README.md beside this file.
"""

from __future__ import annotations

from exporters.veeam.connecting import connect
from exporters.veeam.source import SOURCE

__all__ = ["SOURCE", "connect"]
