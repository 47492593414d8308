"""The baseline of a check: what most are made of, argparse and requests, for the same question to the same server."""

from __future__ import annotations

import argparse
import sys

import requests

CODES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--system", required=True)
    parser.add_argument("--id", required=True)
    parser.add_argument("-t", "--timeout", type=float, default=10.0)
    options = parser.parse_args()
    query = {"system": options.system, "kind": "workload", "id": options.id}
    answer = requests.get(f"{options.url}/api/v1/verdicts", params=query, timeout=options.timeout)
    answer.raise_for_status()
    items = [item for item in answer.json()["items"] if item["objective"] == "rpo"]
    state = max((CODES.get(item["verdict"], 3) for item in items), default=3)
    print("; ".join(f"{item['name']} {item['verdict']}: {item['reason']}" for item in items) or "no verdict")
    return state


if __name__ == "__main__":
    sys.exit(main())
