"""A real Nagios Core in a folder of the test: configured, verified, started, and asked by its own status file.

It runs as whoever runs the tests and listens to nothing but the folder.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nagios_checks.services import Service
from tests.engine_helpers import child, eventually

Block = Mapping[str, str]
Key = tuple[str, str]

# As Debian's nagios.cfg sets them: what compiled objects meet in the field.
_FORBIDDEN = {
    "illegal_object_name_chars": "`~!$%^&*|'\"<>?,()=",
    "illegal_macro_output_chars": "`~$&|'\"<>",
}
_BLOCK = re.compile(r"^(?:define )?(\w+) \{\n(.*?)^\s*\}", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^\s+([^=\s]+)(?:=|\s+)(.*)$", re.MULTILINE)


class Nagios:
    """`objects` are the files it reads; `macros` are $USER1$ and so on; `settings` replace those of its main file."""

    def __init__(
        self,
        binary: Path,
        folder: Path,
        objects: Iterable[Path],
        macros: Mapping[int, str] | None = None,
        **settings: object,
    ) -> None:
        self.binary, self.folder = binary, folder
        for name in ("var", "spool"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.command_file, self.spool = folder / "var" / "cmd", folder / "spool"
        (folder / "resource.cfg").write_text("".join(f"$USER{n}$={v}\n" for n, v in (macros or {}).items()))
        lines = [*self._main(settings), *(("cfg_file", path) for path in objects)]
        self.config = folder / "nagios.cfg"
        self.config.write_text("".join(f"{key}={value}\n" for key, value in lines))

    def _main(self, settings: Mapping[str, object]) -> Iterator[tuple[str, object]]:
        var = self.folder / "var"
        files = {
            "log_file": "log",
            "object_cache_file": "objects",
            "precached_object_file": "precached",
            "status_file": "status",
            "command_file": "cmd",
            "query_socket": "qh",
            "lock_file": "lock",
            "temp_file": "tmp",
            "state_retention_file": "retention",
        }
        told: dict[str, object] = {key: var / name for key, name in files.items()}
        told |= {"temp_path": var, "log_archive_path": var, "check_result_path": self.spool, **_FORBIDDEN}
        told |= {"resource_file": self.folder / "resource.cfg", "use_syslog": 0, "log_rotation_method": "n"}
        told |= {"nagios_user": os.geteuid(), "nagios_group": os.getegid()}
        told |= {"check_external_commands": 1, "check_result_reaper_frequency": 1, "status_update_interval": 1}
        # No spreading of the first checks: a test waits for all of them.
        told |= {"service_inter_check_delay_method": "n", "host_inter_check_delay_method": "n"}
        told |= {"check_for_updates": 0, "enable_notifications": 0, "service_check_timeout": 30}
        yield from (told | settings).items()

    def verify(self) -> tuple[int, list[str]]:
        """The exit status of `nagios4 -v`, and its warnings and errors."""
        done = subprocess.run([self.binary, "-v", self.config], capture_output=True, text=True, check=False, timeout=60)
        told = [line for line in done.stdout.splitlines() if re.match(r"(Error|Warning)\b", line)]
        return done.returncode, told

    @contextmanager
    def running(self) -> Iterator[Nagios]:
        with child([self.binary, self.config], self.folder / "out") as process:

            def ready() -> bool:
                assert process.poll() is None, (self.folder / "out").read_text()
                return self.command_file.exists() and bool(self.services())

            eventually(ready, 20, "Nagios has written its status")
            yield self

    # --- what it knows -----------------------------------------------------------------------------------------------

    def services(self) -> dict[Key, Block]:
        """Its status data of every service, by host and description."""
        return {(b["host_name"], b["service_description"]): b for b in self._blocks("status", "servicestatus")}

    def states(self) -> dict[Key, int]:
        """The state of each service that was ever checked, by active or passive check."""
        return {key: int(b["current_state"]) for key, b in self.services().items() if b["has_been_checked"] == "1"}

    def objects(self, kind: str) -> list[Block]:
        """The objects of a kind as it understood them."""
        return list(self._blocks("objects", kind))

    def _blocks(self, name: str, kind: str) -> Iterator[Block]:
        try:
            text = (self.folder / "var" / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        for found, body in _BLOCK.findall(text):
            if found == kind:
                yield dict(_LINE.findall(body))

    def log(self) -> list[str]:
        """Its log without the stamps."""
        text = (self.folder / "var" / "log").read_text(encoding="utf-8", errors="replace")
        return [re.sub(r"^\[\d+\] ", "", line) for line in text.splitlines()]

    def wait(self, condition: Callable[[dict[Key, Block]], bool], seconds: float, what: str) -> dict[Key, Block]:
        """Its services once they meet the condition; fails naming `what` after `seconds`."""
        return eventually(lambda: found if condition(found := self.services()) else None, seconds, what)


# --- objects written by hand -----------------------------------------------------------------------------------------


def define(kind: str, **facts: object) -> str:
    return f"define {kind} {{\n" + "".join(f"    {key} {value}\n" for key, value in facts.items()) + "}\n"


def basis(notify: str = "/bin/true") -> str:
    """A time period, a contact whose notifications run `notify`, and a host check that is always up."""
    days = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"), "00:00-24:00")
    contact = {
        f"{kind}_notification_{key}": value
        for kind, options in (("service", "w,u,c,r"), ("host", "d,u,r"))
        for key, value in (("period", "always"), ("options", options), ("commands", "tell"))
    }
    return (
        define("timeperiod", timeperiod_name="always", alias="always", **days)
        + define("command", command_name="tell", command_line=notify)
        + define("command", command_name="up", command_line="/bin/true")
        + define("contact", contact_name="somebody", **contact)
    )


def hosts(names: Iterable[str]) -> str:
    return "".join(
        define(
            "host", host_name=name, address="127.0.0.1", check_command="up", max_check_attempts=1,
            check_period="always", notification_period="always", contacts="somebody",
        )
        for name in sorted(set(names))
    )  # fmt: skip


def service(host: str, description: str, command: str, **facts: object) -> str:
    told: dict[str, object] = {
        "host_name": host,
        "service_description": description,
        "check_command": command,
        "max_check_attempts": 1,
        "check_interval": 5,
        "retry_interval": 5,
        "check_period": "always",
        "notification_period": "always",
        "contacts": "somebody",
    }
    return define("service", **(told | facts))


def passive(services: Iterable[Service]) -> str:
    """These services as nothing but receivers of results."""
    return "".join(service(s.host, s.description, "up", active_checks_enabled=0, check_freshness=0) for s in services)
