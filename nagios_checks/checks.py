"""The checks as data: what each answers for, its options, examples. --help prints it, Icinga's commands hold it."""

from __future__ import annotations

from nagios_checks.concerns import COVERAGE, EXPORTER, JOB, REPOSITORY, RESTORE, RPO, SYSTEM, TENANTS, UNKNOWN_DATA
from nagios_checks.options import COUNTED, NUMBER, RANGE, SECONDS, STATE, SWITCH, TEXT, Option
from nagios_checks.records import Record

DEFAULT_URL = "http://127.0.0.1:9741"


class Check(Record):
    """One plugin. `concern` is None where it answers for all; `switches` are options that choose another concern.

    `about` is one sentence, `measured` what -w and -c are compared with; examples are what follows the plugin's name.
    """

    name: str
    concern: str | None
    about: str
    measured: str
    options: tuple[Option, ...]
    examples: tuple[str, str, str]
    switches: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """What a line begins with before the concern is known."""
        return self.name.removeprefix("check_").upper()


_WHERE = (
    Option("url", TEXT, "address of the lastgood exporter", "URL", "u", DEFAULT_URL),
    Option("ca-file", TEXT, "certificates in PEM to verify an https exporter with, instead of the system's", "FILE"),
    Option("credentials-file", TEXT, "file that holds user:password for basic authentication", "FILE"),
)
_WHICH = (
    Option("system", TEXT, "only this backup system; several separated by commas", "NAME", repeat=True),
    Option("name", TEXT, "only subjects whose name fits this pattern: *, ? and [abc]", "GLOB", repeat=True),
    Option("id", TEXT, "only the subject with this id", "ID"),
    Option("key", TEXT, "only this subject, system/kind/id percent-encoded, or only this system", "KEY"),
)
_TIER = Option("tier", TEXT, "only this tier of the policy", "NAME", repeat=True)
_OWNER = Option("owner", TEXT, "only what this team owns", "TEAM", repeat=True)
_ROLE = Option("role", TEXT, "only these points: primary, copy or archive", "ROLE")
_OBJECTIVE = Option("objective", TEXT, "only this objective, such as rpo or integrity", "NAME", repeat=True)
_WORKLOAD = Option("workload", TEXT, "only the workload of exactly this name", "NAME")
_JOB = Option("job", TEXT, "only the job of exactly this name", "NAME")
_REPOSITORY = Option("repository", TEXT, "only the repository of exactly this name", "NAME")
_HOW = (
    Option(
        "timeout",
        SECONDS,
        "limit for everything, such as 10, 2.5 or 10s; keep it below the engine's own, which is 60 s in Nagios as "
        "installed and often set to 10: a check it has to kill is CRITICAL and says nothing",
        "SECONDS",
        "t",
        "10",
    ),
    Option("timeout-state", STATE, "state when the limit is reached", "STATE", default="unknown"),
    Option("unreachable-state", STATE, "state when the exporter cannot be reached", "STATE", default="unknown"),
    Option("missing-state", STATE, "state when nothing fits what was asked for", "STATE", default="unknown"),
    Option("excluded-state", STATE, "state when all of it is excluded by the policy", "STATE", default="ok"),
    Option("max-lines", NUMBER, "at most so many subjects in the long output", "N", default="50"),
    Option("max-perf", NUMBER, "at most so many items of performance data", "N", default="50"),
    Option("each", SWITCH, "performance data of each subject too, not only how many are in which state"),
    Option(
        "verbose", COUNTED, "-v: what is OK is listed too; -vv: what was asked and when it was judged", "", "v"
    ),
    Option("version", SWITCH, "print the version and end by 3", "", "V"),
    Option("help", SWITCH, "print this and end by 3", "", "h"),
)  # fmt: skip


def _options(measured: str, *which: Option) -> tuple[Option, ...]:
    limits = (
        Option("warning", RANGE, f"WARNING outside this range of {measured}, instead of the policy's", "RANGE", "w"),
        Option("critical", RANGE, f"CRITICAL outside this range of {measured}, instead of the policy's", "RANGE", "c"),
    )
    return (*_WHERE, *_WHICH, *which, *limits, *_HOW)


_AGE = "the age of the last good (26h, 1d12h, seconds, or 80% of the RPO)"
_PROOF = "the time since the last restore test (90d, or 80% of its interval)"
_DURATION = "the duration of the last or present run (8h, or 80% of its limit)"
_USED = "the used share of the capacity in percent (80 or 80%)"
_DATA = "the age of what was last read from the system (30m)"
_COUNT = "the number of subjects that are WARNING or CRITICAL (5, or 10% of all)"

CHECKS = (
    Check(
        "check_backup_rpo",
        RPO,
        "How old the last good backup of each workload is, against its RPO; its logs and the integrity of its points",
        _AGE,
        _options(_AGE, _WORKLOAD, _TIER, _OWNER, _ROLE, _OBJECTIVE),
        ("--system veeam-hq --workload sql-01", "--tier gold --owner it-operations", "--name 'sql-*' -w 80%rpo -c 30h"),
    ),
    Check(
        "check_backup_job",
        JOB,
        "Whether jobs run when they should, how long they take and how often they succeed",
        _DURATION,
        _options(_DURATION, _JOB, _TIER, _OWNER, _OBJECTIVE),
        ("--system veeam-hq --job nightly", "--tier gold", "--job nightly -w 6h -c 8h"),
    ),
    Check(
        "check_backup_repository",
        REPOSITORY,
        "How full repositories are, when they will be full, and whether they are online",
        _USED,
        _options(_USED, _REPOSITORY, _OBJECTIVE),
        ("--system veeam-hq", "--repository main -w 80 -c 90", "--name 'hardened-*' --each"),
    ),
    Check(
        "check_backup_restore",
        RESTORE,
        "When restores were last proven, and whether they were as fast as the RTO asks",
        _PROOF,
        _options(_PROOF, _WORKLOAD, _TIER, _OWNER, _OBJECTIVE),
        ("--tier gold", "--workload sql-01 --objective rto", "--owner it-operations -w 80%"),
    ),
    Check(
        "check_backup_coverage",
        COVERAGE,
        "Which workloads no job protects, and whether copies, immutability and encryption are as promised",
        _COUNT,
        _options(_COUNT, _WORKLOAD, _TIER, _OWNER, _OBJECTIVE),
        ("--system veeam-hq", "--objective coverage,immutability", "--system acronis -w 0 -c 10"),
    ),
    Check(
        "check_backup_system",
        SYSTEM,
        "Whether each backup system answers and can be read whole; its licence, secrets, components and own backup",
        _DATA,
        _options(
            _DATA,
            _OBJECTIVE,
            Option(EXPORTER, SWITCH, "only whether the exporter answers; how the systems are is told, not judged"),
        ),
        ("--system veeam-hq", "--exporter", "--objective license,credential"),
        ((EXPORTER, EXPORTER),),
    ),
    Check(
        "check_backup",
        None,
        "Everything of an owner, a tier or a pattern in one service",
        _COUNT,
        _options(
            _COUNT,
            _WORKLOAD,
            _JOB,
            _REPOSITORY,
            _TIER,
            _OWNER,
            _ROLE,
            _OBJECTIVE,
            Option(UNKNOWN_DATA, SWITCH, "only what is UNKNOWN of workloads and jobs: UNKNOWN if anything is, else OK"),
            Option(TENANTS, SWITCH, "only workloads that are counted by tenant: how old and how well proven"),
        ),
        ("--owner it-operations", "--name 'sql-*' --tier gold", "--system veeam-hq --unknown"),
        ((UNKNOWN_DATA, UNKNOWN_DATA), (TENANTS, TENANTS)),
    ),
)  # fmt: skip


def by_name(name: str) -> Check:
    """Raises KeyError for a name that no check has."""
    for check in CHECKS:
        if check.name == name:
            return check
    raise KeyError(name)
