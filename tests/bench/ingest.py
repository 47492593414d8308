"""Run apart: sessions fetched, parsed and normalised by our client, or by requests and dicts. Prints JSON."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

import requests

from exporters.http import Deadline, Secret, Session, Tls
from exporters.veeam.client import SIGN_IN, Client
from exporters.veeam.endpoints import SESSIONS
from exporters.veeam.mapping_sessions import Intake, Known, split
from exporters.veeam.store import SessionStore
from exporters.veeam.words import Words
from tests.bench.measure import peak_mib
from tests.bench.sessions import PAGE

SINCE = ("createdAfterFilter", "2026-11-18T00:00:00Z")


def ours(url: str, delta: bool) -> int:
    secret = Secret("only for this bench", "bench")
    with Session("bench", url, Tls(), sign_in=SIGN_IN, secrets=(secret,)) as http:
        client, deadline = Client("bench", http, "monitor", secret), Deadline(600.0)
        store, words = SessionStore(), Words(None)
        listing = client.gather(SESSIONS, lambda: Intake(store, words), deadline, params=(SINCE,) if delta else ())
        attempts, _ = split(listing.rows.hand_over(), Known(), words)
        return len(attempts)


def plain(url: str, delta: bool) -> int:
    session = requests.Session()
    asked: dict[str, Any] = dict([SINCE]) if delta else {}
    rows: list[dict[str, Any]] = []
    while True:
        told = session.get(f"{url}/api/v1/sessions", params={**asked, "skip": len(rows), "limit": PAGE}, timeout=60)
        body = told.json()
        rows += body["data"]
        if len(rows) >= body["pagination"]["total"]:
            break
    made = [
        (
            row["id"],
            row["jobId"],
            datetime.fromisoformat(row["creationTime"]),
            datetime.fromisoformat(row["endTime"]),
            row["result"]["result"].lower(),
            row["algorithm"].lower(),
            row["progress"]["readSize"],
            row["progress"]["transferredSize"],
        )
        for row in rows
    ]
    return len(made)


def main(side: str, how: str, url: str) -> None:
    read = ours if side == "ours" else plain
    read(url, True)
    before, began = peak_mib(), time.process_time()
    rows = read(url, how == "delta")
    print(json.dumps({"cpu": time.process_time() - began, "mib": peak_mib() - before, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
