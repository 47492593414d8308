"""The backup server as it tells of itself: clock, build, certificate, licence, sign-in, errors.

Part of the raw rows (import these from `exporters.veeam.raw`).
"""

from __future__ import annotations

import msgspec

from exporters.veeam.raw_base import Part


class ServerTime(Part):
    server_time: str | None = None
    iana_time_zone_id: str | None = None


class ServerInfo(Part):
    name: str | None = None
    build_version: str | None = None


class Certificate(Part):
    valid_by: str | None = None


class Instances(Part):
    licensed_instances_number: float | None = None
    used_instances_number: float | None = None
    expiration_date: str | None = None
    support_expiration_date: str | None = None


class Sockets(Part):
    licensed_sockets_number: float | None = None
    used_sockets_number: float | None = None
    expiration_date: str | None = None
    support_expiration_date: str | None = None


class Capacity(Part):
    licensed_capacity_tb: float | None = None
    used_capacity_tb: float | None = None


class License(Part):
    """The end stands at the root up to 1.3-rev1 and inside the summaries from 1.3-rev2 on."""

    status: str | None = None
    type: str | None = None
    edition: str | None = None
    expiration_date: str | None = None
    support_expiration_date: str | None = None
    instance_license_summary: Instances | None = None
    socket_license_summary: Sockets | None = None
    capacity_license_summary: Capacity | None = None


class Token(msgspec.Struct, kw_only=True):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None


class Fault(Part):
    """The vendor's error body."""

    error_code: str | None = None
    message: str | None = None
