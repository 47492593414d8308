"""What a running Zabbix costs and holds, seen from outside: its processes, and its database instead of its slow API."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.zabbix_rig import Zabbix, postgres_tools

# proc(5): utime and stime are counted in hundredths of a second.
_TICKS = 100
# The first parameter of an item's key is the subject's id, quoted.
_SUBJECT = re.compile(r'\["([^"]*)"')

# Of each discovered item its newest moment: `ns` tells two values of one second apart.
_MOMENTS = """select i.key_, h.value from items i join hosts using (hostid) cross join lateral
 (select value from history_uint where itemid = i.itemid order by clock desc, ns desc limit 1) h
 where host = :'host' and i.flags = 4"""
# Flags: 4 was discovered, 2 is a prototype, which takes no values.
_ITEMS = """select count(*) filter (where i.flags = 4), count(*) filter (where type = 18 and i.flags <> 2)
 from items i join hosts using (hostid) where host = :'host'"""
_STORED = """select count(*) from items join hosts using (hostid) join (select itemid from history union all
 select itemid from history_uint union all select itemid from history_str union all select itemid from history_text) h
 using (itemid) where host = :'host'"""
# Zabbix watches itself from the first start on, once a minute, by its host of this name.
_CACHE = """select h.value from history h join items using (itemid) join hosts using (hostid)
 where host = 'Zabbix server' and key_ = 'zabbix[rcache,buffer,pused]' order by h.clock desc limit 1"""
# Open problems of triggers (source 0, object 0), by the tags that say what they are about.
_PROBLEMS = """select distinct told.value from problem p join problem_tag told using (eventid)
 join problem_tag what using (eventid) where p.source = 0 and p.object = 0 and p.r_eventid is null
 and told.tag = 'workload_id' and what.tag = 'objective' and what.value like :'objective'"""


class Probe:
    """Of one running server and one of its hosts, by name."""

    def __init__(self, zabbix: Zabbix, host: str) -> None:
        run, tools = zabbix.log.parent, postgres_tools()
        assert tools is not None
        (port,) = re.findall(r"^DBPort=(\d+)$", (run / "server.conf").read_text(), re.MULTILINE)
        self._server = int((run / "server.pid").read_text())
        self._database = int((run / "data" / "postmaster.pid").read_text().split()[0])
        place = f"-h {run} -p {port} -U zabbix -d zabbix"
        options = ["-AtqX", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-v", f"host={host}"]
        self._psql = [str(tools / "psql"), *place.split(), *options]

    # --- what it costs -----------------------------------------------------------------------------------------------

    def cpu(self, word: str) -> float:
        """Seconds that the server's processes of this kind have worked."""
        family = _family(self._server)
        return sum(_seconds(process)[0] for process in family if word.encode() in (process / "cmdline").read_bytes())

    def database_cpu(self) -> float:
        """Seconds that PostgreSQL has worked, with its processes that have ended."""
        _, ended = _seconds(Path(f"/proc/{self._database}"))
        return ended + sum(_seconds(process)[0] for process in _family(self._database))

    def sync_seconds(self) -> float:
        """How long the server last took to read its configuration, as that process calls itself; seconds by the
        clock."""
        told = b"".join((process / "cmdline").read_bytes() for process in _family(self._server))
        return float(re.findall(rb"synced configuration in ([0-9.]+) sec", told)[0])

    def memory_mib(self) -> float:
        """What the server holds: memory that its processes share is counted once."""
        told = "".join((process / "smaps_rollup").read_text() for process in _family(self._server))
        return sum(map(int, re.findall(r"^Pss:\s+(\d+) kB$", told, re.MULTILINE))) / 1024

    def cache_used(self) -> float:
        """Which share of its configuration cache (CacheSize) the server had in use a minute ago."""
        ((percent,),) = self._rows(_CACHE)
        return float(percent) / 100

    # --- what it holds -----------------------------------------------------------------------------------------------

    def moments(self) -> set[tuple[str, int]]:
        """Of every discovered item that is a moment: the id it is about, and its newest value."""
        rows = ((_SUBJECT.search(key), value) for key, value in self._rows(_MOMENTS))
        return {(found[1], int(value)) for found, value in rows if found}

    def items(self) -> tuple[int, int]:
        """How many items discovery has made, and how many items and discovery rules there are that are cut out of
        pages."""
        ((discovered, dependent),) = self._rows(_ITEMS)
        return int(discovered), int(dependent)

    def stored(self) -> int:
        """How many values of any kind are in its history."""
        ((count,),) = self._rows(_STORED)
        return int(count)

    def problems(self, objective: str = "%") -> set[str]:
        """The workloads' ids that open problems are about; `objective` as SQL's `like` takes it."""
        return {told for (told,) in self._rows(_PROBLEMS, objective=objective)}

    def _rows(self, query: str, **named: str) -> list[list[str]]:
        options = [part for name, value in named.items() for part in ("-v", f"{name}={value}")]
        # Not by -c, which knows no variables.
        done = subprocess.run(
            [*self._psql, *options], input=query, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]


def _family(parent: int) -> Iterator[Path]:
    """The process and its children, as far as they still live."""
    yield Path(f"/proc/{parent}")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stat = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat[1]) == parent:
            yield process


def _seconds(process: Path) -> tuple[float, float]:
    """CPU seconds of a process, and those of its children that have ended. None of a process that went meanwhile."""
    try:
        stat = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    own, system, ended, ended_system = (int(field) / _TICKS for field in stat[11:15])
    return own + system, ended + ended_system
