"""`lastgood explain WORKLOAD`: how it stands, which rule and tier apply, what they promise, and who is told."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import click

from lastgood.commands.check_config import Moment
from lastgood.errors import ConfigError
from lastgood.explanation import explain as explain_facts
from lastgood.policy import MATCH_KEYS, Facts
from lastgood.policy_load import load

_MAX_ANSWER = 8 << 20
_TIMEOUT = 10.0
# How /api/v1/workloads calls what a match calls otherwise; its `kind` says only that the item is a workload.
_API_NAMES = {"job": "jobs", "tag": "tags", "kind": "workload_kind"}

# A topic and what is said of it.
Line = tuple[str, str]


@click.command("explain")
@click.argument("workload")
@click.option(
    "--policy",
    type=click.Path(path_type=Path, readable=False),
    default=Path("policy.yaml"),
    show_default=True,
    help="The policy that is explained.",
)
@click.option("--url", help="Ask this running exporter for the workload, such as http://127.0.0.1:9741.")
@click.option("--id", "id_", help="Its id, where a rule matches by it.")
@click.option("--system", help="The configured name of its system.")
@click.option("--source", help="Its system's vendor.")
@click.option("--kind", help="What it is, such as vm, server or workstation.")
@click.option("--tenant", help="The customer or unit it belongs to.")
@click.option("--tenant-path", help="The names of that tenant and of those above it, such as MSP/Customer/Unit.")
@click.option("--job", multiple=True, help="A job that backs it up; may be given again.")
@click.option("--folder", help="Where the product keeps it.")
@click.option("--tag", multiple=True, help="A tag of it; may be given again.")
@click.option("--now", type=Moment(), help="Explain as of this moment instead of the present.")
def explain(
    workload: str, policy: Path, url: str | None, id_: str | None, now: datetime | None, **given: str | tuple[str, ...]
) -> None:
    """Say which rule and tier apply to WORKLOAD, each promise in words, exclusions, urgency and escalation.

    Offline, what a rule may ask for is given by options; with --url it is asked of a running exporter, which also says
    how the workload stands now: each verdict that is not OK, why, and what to do first.
    """
    try:
        loaded, _ = load(policy, now=now or datetime.now(UTC))
    except ConfigError as error:
        raise Refused(str(error)) from None
    offered = {"name": workload, "id": id_, **given}
    known = [(_facts(offered), None, [])] if url is None else _ask(url, workload)
    if not known:
        raise Refused(f"{url} knows no workload {workload!r} -> check the name, or explain it offline without --url")
    for facts, tier, verdicts in known:
        click.echo(" ".join(facts["name"] + facts.get("system", ())))
        for topic, words in [*verdicts, *explain_facts(loaded, facts, now or datetime.now(UTC))]:
            click.echo(f"  {topic:<15} {words}")
        assigned = loaded.assign(facts).tier
        if tier is not None and (assigned is None or assigned.name != tier):
            click.echo(f"  {'exporter':<15} judges it by the tier {tier}: it runs with another policy than {policy}")


class Refused(click.ClickException):
    exit_code = 2


def _facts(values: Mapping[str, object]) -> Facts:
    """The match facts of whatever is known: single texts and lists of texts; what is empty or unknown is left out."""
    found = {}
    for key in MATCH_KEYS:
        value = values.get(key)
        texts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else ()
        if any(texts):
            found[key] = tuple(str(text) for text in texts)
    return found


def _ask(url: str, workload: str) -> list[tuple[Facts, str | None, list[Line]]]:
    """Facts, tier and verdicts of each workload of that name, from a running exporter."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise Refused("--url must begin with http:// or https://")
    try:
        items = _items(url, f"workloads?name={quote(workload, safe='')}")
        judged = _items(url, f"verdicts?kind=workload&name={quote(workload, safe='')}") if items else []
        return [
            (_facts({**i, **{k: i.get(name) for k, name in _API_NAMES.items()}}), i["tier"], _verdicts(i, judged))
            for i in items
        ]
    except urllib.error.HTTPError as error:
        error.close()
        hint = "it has no data yet; try again after its first poll" if error.code == 503 else "check the address"
        raise Refused(f"{url} answered {error.code} -> {hint}") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise Refused(f"{url} gave no usable answer ({reason}) -> is the exporter running there?") from None


def _items(url: str, query: str) -> list[dict[str, Any]]:
    """The items that the API answers to a query. Raises OSError, ValueError, LookupError and TypeError."""
    with urllib.request.urlopen(f"{url.rstrip('/')}/api/v1/{query}", timeout=_TIMEOUT) as answer:  # noqa: S310 - checked
        return list(json.loads(answer.read(_MAX_ANSWER))["items"])


def _verdicts(workload: Mapping[str, Any], judged: list[dict[str, Any]]) -> list[Line]:
    """What is not as it should be with one workload, worst first as the API gives it."""
    own = [v for v in judged if (v["system"], v["id"]) == (workload["system"], workload["id"])]
    bad = [v for v in own if v["verdict"] != "OK"]
    if not bad:
        return [("verdict", f"OK, all {len(own)}" if own else "none: nothing is promised for it")]
    return [("verdict", _printable(_sentence(v))) for v in bad]


def _sentence(verdict: Mapping[str, Any]) -> str:
    role = verdict.get("role")
    which = verdict["objective"] + (f" ({role})" if role not in (None, "primary") else "")
    action = f". Next: {verdict['action']}" if verdict.get("action") else ""
    return f"{verdict['verdict']} {which}: {verdict['reason']}{action}"


def _printable(text: str) -> str:
    """Without characters that a terminal would obey: reasons quote what backup systems say."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
