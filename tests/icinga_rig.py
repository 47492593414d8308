"""A real Icinga 2 in a folder of the test: configured, validated, started, and asked by its API over TLS.

It runs as whoever runs the tests and listens to loopback only.
"""

from __future__ import annotations

import base64
import grp
import http.client
import json
import os
import pwd
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.engine_helpers import child, eventually, free_port
from tests.faulty_server import Authority

USER, PASSWORD = "lastgood", "icinga-pa55+word"
# In the certificate, so the name by which a submitter must reach it.
NODE = "localhost"
_BASE = """
include <itl>
object Endpoint "localhost" {{ }}
object Zone "localhost" {{ endpoints = [ "localhost" ] }}
object CheckerComponent "checker" {{ }}
object NotificationComponent "notification" {{ }}
object ApiListener "api" {{ bind_host = "127.0.0.1", bind_port = {port} }}
object ApiUser "lastgood" {{
  password = "{password}"
  permissions = [ {permissions} ]
}}
"""
# What a submitter needs (Icinga 2.13, "Icinga 2 API", permissions), and what the test reads and hurries with.
_PERMISSIONS = (
    "actions/process-check-result", "actions/reschedule-check", "objects/query/Service", "objects/query/Host",
)  # fmt: skip


class Icinga:
    """`objects` are the files it reads after its own; `constants` are defined before them. The programs it runs are
    looked for in `path` first."""

    def __init__(
        self, binary: Path, folder: Path, objects: Iterable[Path], path: Path | None = None, **constants: object
    ) -> None:
        self.binary, self.folder, self.port, self._path = binary, folder, free_port(), path
        self.url = f"https://{NODE}:{self.port}"
        for name in ("data/certs", "log", "run", "cache", "spool"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._certify()
        permissions = ", ".join(f'"{name}"' for name in _PERMISSIONS)
        text = "".join(f"const {name} = {json.dumps(value)}\n" for name, value in constants.items())
        text += f'const NodeName = "{NODE}"\nconst ZoneName = "{NODE}"\n'
        text += _BASE.format(port=self.port, password=PASSWORD, permissions=permissions)
        text += "".join(f'include "{path}"\n' for path in objects)
        self.config = folder / "icinga2.conf"
        self.config.write_text(text, encoding="utf-8")

    @property
    def ca_file(self) -> Path:
        return self.folder / "data" / "certs" / "ca.crt"

    def _command(self, *words: str | Path) -> list[str | Path]:
        places = {"DataDir": "data", "LogDir": "log", "InitRunDir": "run", "CacheDir": "cache", "SpoolDir": "spool"}
        return [self.binary, *words, *(word for k, v in places.items() for word in ("-D", f"{k}={self.folder / v}"))]

    def _daemon(self, *words: str | Path) -> list[str | Path]:
        # An unpacked one has its template library beside it, not in /usr/share.
        beside = self.binary.parent.parent / "usr" / "share" / "icinga2" / "include"
        library: list[str | Path] = ["-I", beside] if beside.is_dir() else []
        return self._command("daemon", *words, "-c", self.config, *library)

    def _environment(self) -> dict[str, str]:
        # Started by root it would become Debian's user, who need not exist here.
        own = {"ICINGA2_USER": _own("user"), "ICINGA2_GROUP": _own("group")}
        return own if self._path is None else {**own, "PATH": f"{self._path}:{os.environ['PATH']}"}

    def _run(self, command: list[str | Path]) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self._environment()}
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)

    def _certify(self) -> None:
        """Its authority and its certificate; its own `pki` takes seconds to find keys."""
        certs = self.folder / "data" / "certs"
        authority = Authority(certs)
        issued = authority.issue(NODE, f"DNS:{NODE}", subject=f"/CN={NODE}")
        issued.certificate.rename(certs / f"{NODE}.crt")
        shutil.copy(authority.root.certificate, self.ca_file)

    def verify(self) -> tuple[int, list[str]]:
        """The exit status of `icinga2 daemon -C`, and its warnings and errors."""
        done = self._run(self._daemon("-C"))
        told = (done.stdout + done.stderr).splitlines()
        # A maintenance window, or a way to tell people, that no service of this estate has: compiled all the same.
        idle = re.compile(r"warning/ApplyRule: .* does not match anywhere!")
        bad = [line for line in told if "critical/" in line or "warning/" in line]
        return done.returncode, [line for line in bad if not idle.search(line)]

    @contextmanager
    def running(self) -> Iterator[Icinga]:
        log = self.folder / "out"
        with child(self._daemon(), log, env=self._environment()) as process:

            def ready() -> bool:
                assert process.poll() is None, log.read_text()
                return self._answers()

            eventually(ready, 30, "Icinga's API answers")
            yield self

    # --- its API -----------------------------------------------------------------------------------------------------

    def ask(self, path: str, body: object = None) -> tuple[int, Any]:
        """Status and decoded answer; a body is posted. Raises OSError when nobody answers."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection(NODE, self.port, timeout=20, context=context)
        told = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        try:
            headers = {"Accept": "application/json", "Authorization": f"Basic {told}"}
            connection.request("GET" if body is None else "POST", path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def _answers(self) -> bool:
        try:
            return self.ask("/v1/objects/hosts")[0] in (200, 404)
        except OSError:
            return False

    def check_all(self) -> None:
        """Have every service checked now: by itself it spreads the first checks over a minute."""
        status, answer = self.ask("/v1/actions/reschedule-check", {"type": "Service", "filter": "true", "force": True})
        assert status == 200, answer

    def services(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The attributes of every service, by host and name."""
        status, answer = self.ask("/v1/objects/services")
        # A query that matches nothing is a 404.
        found = answer["results"] if status == 200 else []
        return {(r["attrs"]["host_name"], r["attrs"]["name"]): r["attrs"] for r in found}

    def states(self) -> dict[tuple[str, str], int]:
        """The state of each service that was ever checked, by active or passive check."""
        return {
            key: int(told["state"]) for key, told in self.services().items() if told["last_check_result"] is not None
        }


def _own(kind: str) -> str:
    return pwd.getpwuid(os.geteuid()).pw_name if kind == "user" else grp.getgrgid(os.getegid()).gr_name
