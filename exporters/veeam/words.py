"""The vendor's enumeration words in ours. A word we do not know is counted and never taken for good news.

Source: the enumerations of the VBR REST API documents 1.1-rev0 to 1.3-rev2. The spelling's case differs between
revisions (job status is lower case up to 1.3-rev0), so all words are compared without it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo

from exporters.veeam import raw
from lastgood.clock import parse_time
from lastgood.model import Mode, Result, Role


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESULTS = {"success": Result.SUCCESS, "warning": Result.WARNING, "failed": Result.FAILED}

# A synthetic full reads and writes like a full; the incremental that came with it is part of the same task.
MODES = {"full": Mode.FULL, "synthetic": Mode.FULL, "increment": Mode.INCREMENTAL}

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
COPY_KINDS = frozenset({"backup_copy", "file_backup_copy", "entra_id_backup_copy"})

WORKLOAD_KINDS: Mapping[str, str] = {
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
}
AGENT_PLATFORMS = frozenset({"windowsphysical", "linuxphysical", "linuxphysicalppc"})

# Two spellings of one platform: the job's inventory and the backup's, and releases before 12.3.
PLATFORM_ALIASES = {"vsphere": "vmware", "vcd": "clouddirector", "nasbackup": "unstructureddata"}

# Sessions that are executions of a backup job. The parent of an immediate copy never ends and counts no run; its
# workers (BackupCopyJob) do.
BACKUP_SESSIONS = _set(
    "job backupjob replicajob backupcopyjob agentbackup endpointbackup platformbackupjob platformsnapshotjob "
    "platformsnapshotcopyjob unstructureddatabackupcopy irisbackup"
)
WHOLE_RESTORES = _set("restorevm clouddirectorvmrestore clouddirectorvapprestore")
# Open until somebody unmounts them, or the extent is not told: their duration is no recovery time.
OPEN_RESTORES = _set(
    "instantrecovery firstclassdiskinstantrestore azureinstantrecovery fileinstantrecovery instantdiskrecovery "
    "nasrestore endpointrestore restoreagentvolumes restorerecoveryappliancevolumes adforestrestore"
)
PART_RESTORES = _set(
    "filelevelrestore linuxfilelevelrestore diskrestore entraidrestore entraidrestorefromcopy applicationlevelrestore"
)
TESTS = _set("surebackup surebackupcontentscan")
# Everything else the documents list: no run of a job and no restore.
OTHER_SESSIONS = _set(
    "infrastructure automation configurationbackup publishbackupcontentviamount publishbackupcontentvianfs "
    "repositorymaintenance repositoryevacuate infrastructureitemdeletion azureappliancedeploy quickmigration "
    "configurationresynchronize failover plannedfailover permanentfailover undofailover failback commitfailback "
    "undofailback switchreplicatoproduction malwaredetection firstclassdiskquickmigration securitycomplianceanalyzer "
    "fileserversave unstructureddatabrowse unstructureddownloadmeta deletebackup backgroundoperation "
    "entraidrescanrepository logsexport testcredentials sqllogbackup oraclelogbackup postgresqllogbackup "
    "azureinstantrecoverymigration azureinstantrecoveryswitchover azureinstantrecoverystart azureinstantrecoverystop "
    "azureinstantrecoverymigrationundo azureinstantrecoverymount fileinstantrecoverymigration volumesdiscover "
    "agentdiscovery agentpolicy agentoperationpurgecache applianceupdatesinstall failoverplan failoverplantask "
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

    def at(self, text: str | None) -> datetime | None:
        """None for "no time" and for a text that is no time (counted)."""
        if not text:
            return None
        try:
            return parse_time(text, self.zone)
        except ValueError:
            self.count("time", "malformed")
            return None

    def under_way(self, state: str | None, ended: bool) -> bool:
        """A state we do not know is under way as long as no end is told."""
        word = (state or "").lower()
        if word == STOPPED:
            return False
        if word and word not in UNDER_WAY:
            self.count("state", word)
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
