"""The vendor's enumeration words in ours. A word we do not know is counted and never taken for good news.

Source: the enumerations of the VBR REST API documents 1.1-rev0 to 1.3-rev2. The spelling's case differs between
revisions (job status is lower case up to 1.3-rev0), so all words are compared without it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timezone, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo

from exporters.veeam import raw
from lastgood.clock import parse_time
from lastgood.model import Mode, PracticeStatus, Result, Role, Threat

MeaningT = TypeVar("MeaningT")


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESULTS = {"success": Result.SUCCESS, "warning": Result.WARNING, "failed": Result.FAILED}

# A synthetic full reads and writes like a full; the incremental that came with it is part of the same task.
MODES = {"full": Mode.FULL, "synthetic": Mode.FULL, "increment": Mode.INCREMENTAL}
# Of a restore point; the other kinds are neither.
POINT_MODES: Mapping[str, Mode | None] = {
    "full": Mode.FULL,
    "increment": Mode.INCREMENTAL,
    **dict.fromkeys(("rollback", "snapshot", "cdp", "different")),
}

RUNNING = {"running": True, "starting": True, "stopping": True}
RUNNING |= dict.fromkeys(("inactive", "disabled", "enabled", "stopped"), False)

STOPPED = "stopped"
UNDER_WAY = _set(
    "starting stopping working pausing resuming waitingtape idle postprocessing waitingrepository waitingslot "
    "actionrequired"
)

JOB_KINDS: Mapping[str, str] = {
    "backup": "vsphere_backup",
    "vspherebackup": "vsphere_backup",
    "hypervbackup": "hyperv_backup",
    "nutanixahvbackupjob": "ahv_backup",
    "proxmoxbackupjob": "proxmox_backup",
    "clouddirectorbackup": "cloud_director_backup",
    "vspherereplica": "replica",
    "backupcopy": "backup_copy",
    "legacybackupcopy": "backup_copy",
    "filebackup": "file_backup",
    "filebackupcopy": "file_backup_copy",
    "objectstoragebackup": "object_storage_backup",
    "windowsagentbackup": "agent_backup",
    "linuxagentbackup": "agent_backup",
    "windowsagentbackupfailovercluster": "agent_backup",
    "windowsagentbackupworkstationpolicy": "agent_policy",
    "linuxagentbackupworkstationpolicy": "agent_policy",
    "windowsagentbackupserverpolicy": "agent_policy",
    "linuxagentbackupserverpolicy": "agent_policy",
    "entraidtenantbackup": "entra_id_backup",
    "entraidauditlogbackup": "entra_id_audit_log_backup",
    "entraidtenantbackupcopy": "entra_id_backup_copy",
    "surebackupcontentscan": "content_scan",
    "cloudbackupazure": "cloud_backup",
    "cloudbackupaws": "cloud_backup",
    "cloudbackupgoogle": "cloud_backup",
    "irisbackup": "database_backup",
}
# A replica stands for a copy of its machine, never for its backup.
COPY_KINDS = frozenset({"backup_copy", "file_backup_copy", "entra_id_backup_copy", "replica"})
OUR_KINDS = frozenset(JOB_KINDS.values())
COPY_MODES = {"immediate": True, "periodic": False}

WORKLOAD_KINDS: Mapping[str, str | None] = {
    "vmware": "vm",
    "hyperv": "vm",
    "clouddirector": "vm",
    "vcd": "vm",
    "nutanix": "vm",
    "proxmox": "vm",
    "awsec2": "cloud_vm",
    "azurecompute": "cloud_vm",
    "gce": "cloud_vm",
    "unstructureddata": "nas",
    "nasbackup": "nas",
    "entraid": "entra_id",
    "mongodb": "database",
    "iris": "database",
    "customplatform": "application",
    "applicationbackuprepository": "application",
    "tape": None,
    "test": None,
}
AGENT_PLATFORMS = frozenset({"windowsphysical", "linuxphysical", "linuxphysicalppc"})
# What kind of computer an agent's job says it is for; the other workloads are told by their platform.
COMPUTERS: Mapping[str, str | None] = {
    "server": "server",
    "workstation": "workstation",
    **dict.fromkeys(("application", "cloudvm", "file", "vm")),
}

# Two spellings of one platform: the job's inventory and the backup's, and releases before 12.3.
PLATFORM_ALIASES = {"vsphere": "vmware", "vcd": "clouddirector", "nasbackup": "unstructureddata"}

# The slowest stage by what an administrator would look at; "NotDefined" is no finding.
BOTTLENECKS: Mapping[str, str | None] = {
    "notdefined": None,
    "none": "none",
    "throttling": "throttling",
    "source": "source",
    "proxy": "proxy",
    "sourceproxy": "proxy",
    "targetproxy": "proxy",
    "network": "network",
    "sourcenetwork": "network",
    "sourcewan": "network",
    "targetnetwork": "network",
    "targetwan": "network",
    "target": "target",
    "targetdisk": "target",
}

THREATS = {threat.value: threat for threat in Threat if threat is not Threat.UNKNOWN}
DISMISSED = {"created": False, "falsepositive": True}
# "None" and "Analyzing": not checked yet; a check that cannot be made tells nothing either.
PRACTICES = {
    "ok": PracticeStatus.OK,
    "violation": PracticeStatus.VIOLATION,
    "suppressed": PracticeStatus.SUPPRESSED,
    "none": PracticeStatus.UNCHECKED,
    "analyzing": PracticeStatus.UNCHECKED,
    "unabletocheck": PracticeStatus.UNCHECKED,
}

AVAILABLE = {"available": True, "unavailable": False}
# Two words speak of the components' age, the others of an update's course.
OUTDATED: Mapping[str, bool | None] = {
    "outofdate": True,
    "notavailable": False,
    **dict.fromkeys(("checkinprogress", "installing", "lastinstallfailed", "available", "checkupdatesfailed")),
}
# Patroni's words for a node's database: one on its way up or down cannot take over.
NODE_UP = dict.fromkeys(("running", "streaming", "inarchiverecovery"), True)
NODE_UP |= dict.fromkeys(
    _set(
        "stopped crashed starting restarting stopping startfailed stopfailed restartfailed initializingnewcluster "
        "initdbfailed creatingreplica"
    ),
    False,
)
# Whether the period that a repository states is what holds; by retention settings each job has its own.
OWN_PERIOD = {"repositorysettings": True, "retentionsettings": False}
LICENSE_VALID = {"valid": True, "expired": False, "invalid": False}
# Whether a licence without an end is one that has none, or has left it out.
PERPETUAL = {"perpetual": True}
PERPETUAL |= dict.fromkeys(_set("empty evaluation free nfr rental subscription promo"), False)
# Whether an extent of a scale-out repository is in maintenance: nothing can be written to it then.
MAINTENANCE = {"maintenance": True, "sealed": True}
MAINTENANCE |= dict.fromkeys(_set("normal evacuate pending resyncrequired tenantevacuating"), False)

# Sessions that are executions of a backup job. The parent of an immediate copy never ends and counts no run; its
# workers (BackupCopyJob) do.
BACKUP_SESSIONS = _set(
    "job backupjob replicajob backupcopyjob agentbackup endpointbackup platformbackupjob platformsnapshotjob "
    "platformsnapshotcopyjob unstructureddatabackupcopy irisbackup"
)
# Everything else the documents list: no run of a job and no restore (those: recovery_words).
OTHER_SESSIONS = _set(
    "infrastructure automation configurationbackup publishbackupcontentviamount publishbackupcontentvianfs "
    "repositorymaintenance repositoryevacuate infrastructureitemdeletion azureappliancedeploy quickmigration "
    "configurationresynchronize permanentfailover undofailover failback commitfailback "
    "undofailback switchreplicatoproduction malwaredetection firstclassdiskquickmigration securitycomplianceanalyzer "
    "fileserversave unstructureddatabrowse unstructureddownloadmeta deletebackup backgroundoperation "
    "entraidrescanrepository logsexport testcredentials sqllogbackup oraclelogbackup postgresqllogbackup "
    "azureinstantrecoverymigration azureinstantrecoveryswitchover azureinstantrecoverystart azureinstantrecoverystop "
    "azureinstantrecoverymigrationundo azureinstantrecoverymount fileinstantrecoverymigration volumesdiscover "
    "agentdiscovery agentpolicy agentoperationpurgecache applianceupdatesinstall "
    "hostcomponentsupdate copybackup filebackuphealthcheck archivebackup archiverehydration archivesync archivecopy "
    "archivefreezing retrievebackup archivetierdownload directbackupsync checkpointremoval retention "
    "platformservicejob agentoperationbackupnow agentoperationactivefull agentmanagement backupcopyjobparent "
    "encryptionanalysis veeamupdatersettingssync storagediscovery storagemonitoring agentsrecoveryappliancesmanagement "
    "epagentoperationstopbackup backupcachesync pervmmovebackup pervmcopybackup "
    "filebackuparchiveretrievalprolonging haswitchover indexcollection haclusteredit"
)


class Words:
    """Reads words and times; `unknown` counts what could not be read, as "what:word"."""

    def __init__(self, zone: tzinfo | None) -> None:
        self.zone = zone
        self.unknown: Counter[str] = Counter()

    def count(self, what: str, word: str) -> None:
        self.unknown[f"{what}:{word[:40]}"] += 1

    def known(self, what: str, word: str | None, meanings: Mapping[str, MeaningT]) -> MeaningT | None:
        """What `word` means by `meanings` (lower case); None for no word, and for one that is not in it (counted)."""
        if not word:
            return None
        lower = word.lower()
        if lower not in meanings:
            self.count(what, word)
            return None
        return meanings[lower]

    def result(self, word: str | None) -> Result | None:
        """ "None" (still running, or never ran) is no result; a word we do not know is UNKNOWN, never success."""
        if word is None or word.lower() == "none":
            return None
        found = RESULTS.get(word.lower())
        if found is None:
            self.count("result", word)
            return Result.UNKNOWN
        return found

    def outcome(self, outcome: raw.Outcome | None) -> Result | None:
        """A stopped session is reported as Failed with isCanceled set: somebody's decision, not a failure."""
        if outcome is None:
            return None
        return Result.CANCELLED if outcome.is_canceled else self.result(outcome.result)

    def mode(self, word: str | None) -> Mode | None:
        if word is None or word.lower() == "none":
            return None
        found = MODES.get(word.lower())
        if found is None:
            self.count("algorithm", word)
        return found

    def bottleneck(self, word: str | None) -> str | None:
        """source, proxy, network, target, throttling or none (ESessionBottleneckType); None where nothing is told."""
        return self.known("bottleneck", word, BOTTLENECKS)

    def threat(self, word: str | None) -> Threat:
        """A severity that is missing or that we do not know is no all-clear."""
        return self.known("malware severity", word, THREATS) or Threat.UNKNOWN

    def practice(self, word: str | None) -> PracticeStatus:
        return self.known("best practice status", word, PRACTICES) or PracticeStatus.UNKNOWN

    def utc(self, text: str | None) -> datetime | None:
        """`at` for a field that is documented to be in UTC, whether or not its text says so."""
        return self._time(text, UTC)

    def at(self, text: str | None) -> datetime | None:
        """None for "no time" and for a text that is no time (counted)."""
        return self._time(text, self.zone)

    def _time(self, text: str | None, zone: tzinfo | None) -> datetime | None:
        if not text:
            return None
        try:
            return parse_time(text, zone)
        except ValueError:
            self.count("time", "malformed")
            return None

    def under_way(self, state: str | None, ended: bool) -> bool:
        """A state we do not know is under way as long as no end is told."""
        word = (state or "").lower()
        if word == STOPPED:
            return False
        if state and word not in UNDER_WAY:
            self.count("state", state)
            return not ended
        return word != "" or not ended

    def job_kind(self, word: str | None) -> str | None:
        if word is None or word.lower() == "unknown":
            return None
        found = JOB_KINDS.get(word.lower())
        if found is None:
            self.count("job type", word)
            return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower()
        return found


def role_of(kind: str | None) -> Role:
    return Role.COPY if kind in COPY_KINDS else Role.PRIMARY


def known_role(kind: str | None) -> Role | None:
    """None for a job whose type we do not know: what it writes may be a copy."""
    return role_of(kind) if kind in OUR_KINDS else None


def platform(word: str | None) -> str:
    lower = (word or "").lower()
    return PLATFORM_ALIASES.get(lower, lower)


def real(ident: str | None) -> str | None:
    """The id, or None where the vendor writes zeros for "none"."""
    return None if not ident or ident == raw.ZERO_ID else ident


def zone_of(time: raw.ServerTime | None) -> tzinfo | None:
    """The server's zone: by its IANA name (1.3-rev2 tells it), else the offset its clock has now.

    With the offset alone a naive stamp from before the last switch of summer time is read one hour wrong.
    """
    if time is None:
        return None
    if time.iana_time_zone_id:
        try:
            return ZoneInfo(time.iana_time_zone_id)
        except (KeyError, OSError, ValueError):
            pass
    try:
        told = datetime.fromisoformat(_short_fraction(time.server_time or ""))
    except ValueError:
        return None
    offset = told.utcoffset()
    return None if offset is None else timezone(offset)


def _short_fraction(text: str) -> str:
    # Python 3.11 reads 3 or 6 fraction digits at most; only the offset matters here.
    return re.sub(r"\.[0-9]+", "", text).replace("Z", "+00:00")
