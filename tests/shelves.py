"""What an empty policy compiles to: the rules, tests and pages that depend on no policy. Compiled once a process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from lastgood.policy import Policy
from lastgood.render import render_all

POLICY = Policy(path=None, digest="0123456789ab", tiers={})


@cache
def shelves() -> Mapping[str, str]:
    return MappingProxyType(render_all(POLICY))
