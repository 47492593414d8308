"""UUIDs that never change: a version 4 in form (Zabbix 6.0 refuses any other), made from the stable path of a thing."""

from __future__ import annotations

import hashlib
import uuid

_NAMESPACE = "lastgood zabbix "


def uuid_of(path: str) -> str:
    """32 hexadecimal digits without dashes, as Zabbix' export format wants them."""
    digest = hashlib.sha256((_NAMESPACE + path).encode()).digest()
    return uuid.UUID(bytes=digest[:16], version=4).hex
