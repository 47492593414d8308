"""`lastgood explain WORKLOAD`: which rule and tier apply to a workload, what they promise, and who is told."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
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


@click.command("explain")
@click.argument("workload")
@click.option(
    "--policy", type=click.Path(path_type=Path, readable=False), default=Path("policy.yaml"), show_default=True
)
@click.option("--url", help="Ask this running exporter for the workload, such as http://127.0.0.1:9741.")
@click.option("--id", "id_", help="Its id, where a rule matches by it.")
@click.option("--system", help="The configured name of its system.")
@click.option("--source", help="Its system's vendor.")
@click.option("--kind")
@click.option("--tenant")
@click.option("--tenant-path")
@click.option("--job", multiple=True, help="A job that backs it up; may be given again.")
@click.option("--folder")
@click.option("--tag", multiple=True, help="May be given again.")
@click.option("--now", type=Moment(), help="Explain as of this moment instead of the present.")
def explain(
    workload: str, policy: Path, url: str | None, id_: str | None, now: datetime | None, **given: str | tuple[str, ...]
) -> None:
    """Say which rule and tier apply to WORKLOAD, each promise in words, exclusions, urgency and escalation.

    Offline, what a rule may ask for is given by options; with --url it is asked of a running exporter.
    """
    try:
        loaded, _ = load(policy, now=now or datetime.now(UTC))
    except ConfigError as error:
        raise Refused(str(error)) from None
    offered = {"name": workload, "id": id_, **given}
    known = [(_facts(offered), None)] if url is None else _ask(url, workload)
    if not known:
        raise Refused(f"{url} knows no workload {workload!r} -> check the name, or explain it offline without --url")
    for facts, tier in known:
        click.echo(" ".join(facts["name"] + facts.get("system", ())))
        for topic, words in explain_facts(loaded, facts, now or datetime.now(UTC)):
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


def _ask(url: str, workload: str) -> list[tuple[Facts, str | None]]:
    """Facts and tier of each workload of that name, from a running exporter's /api/v1/workloads."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise Refused("--url must begin with http:// or https://")
    place = f"{url.rstrip('/')}/api/v1/workloads?name={quote(workload, safe='')}"
    try:
        with urllib.request.urlopen(place, timeout=_TIMEOUT) as answer:  # noqa: S310 - the scheme was checked
            items = json.loads(answer.read(_MAX_ANSWER))["items"]
        return [(_facts({**i, **{k: i.get(name) for k, name in _API_NAMES.items()}}), i["tier"]) for i in items]
    except urllib.error.HTTPError as error:
        error.close()
        hint = "it has no data yet; try again after its first poll" if error.code == 503 else "check the address"
        raise Refused(f"{url} answered {error.code} -> {hint}") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise Refused(f"{url} gave no usable answer ({reason}) -> is the exporter running there?") from None
