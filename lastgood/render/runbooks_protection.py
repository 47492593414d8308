"""Runbooks of what keeps backups usable: sound points, logs, immutability, encryption, the backup server itself."""

from __future__ import annotations

from lastgood.render.runbook import EXPLAIN, SILENCE_SETTING, SILENCE_WORKLOAD, Runbook

_ONE_CAUSE = (
    "Grouped by `alertname`, `system` and `tier`, as alert_rules/README.md says, all workloads that one setting lets "
    "down are one notification; the status board shows them as one row."
)
_THREATS = (
    "Malware events of the system nobody dismissed, and when",
    'backup_workload_malware_event_timestamp_seconds{system="<system>"} * 1000',
)
_KEPT = (
    "For how many days each repository keeps new points unchangeable",
    'backup_repository_immutable_seconds{system="<system>"} / 86400',
)
_CONFIGURATION = (
    (
        "Days since its newest configuration backup",
        "(time() - backup_configuration_backup_last_success_timestamp_seconds) / 86400",
    ),
    ("Switched on and scheduled: 1", "backup_configuration_backup_enabled"),
    ("Encrypted: 1", "backup_configuration_backup_encrypted"),
)
_REBUILD = (
    "Were the backup server lost now, jobs, credentials, the catalogue of tapes and the keys of encrypted backups "
    "would have to be put together by hand before the first restore: hours to days on top of every RTO."
)
_SILENCE_ATTACK = (
    "Do not silence it before it is known that nobody attacks: this is how ransomware prepares. After that match "
    "`alertname`, `system` and `workload_id`, at most until the next working day."
)

PROTECTION: dict[str, Runbook] = {
    "BackupIntegrityBroken": Runbook(
        meaning="The newest restore point of this workload, in the role named by the alert, is infected, corrupt or "
        "failed its verification; or the backup system found malware in the workload and nobody has dismissed the "
        "finding.",
        impact="Restored from it, the workload would come back infected or not at all. Only what is older than the "
        "finding can be relied on: the loss is as large as that point is old.",
        first=(
            "Do not restore from the newest point, and let nobody start a restore before this is settled.",
            "Read the reason on the status board or with `lastgood explain`: it names the last clean point and its "
            "age, or says that none is known.",
            "Malware: call security now; the machine itself may be infected. Isolate it, but keep it for them.",
            "Keep the last clean point: prolong its retention or copy it away, so that no schedule deletes it. Look "
            "whether other workloads of the system have events of the same hours.",
            "Failed verification: open the session, see whether the point or only the test is broken, then run an "
            "active full backup and verify that.",
            "A false positive is dismissed in the backup product, by whoever examined it; the alert ends with the "
            "next poll.",
        ),
        queries=(
            _THREATS,
            (
                "Its last good point in each role (ms)",
                'backup_workload_last_good_timestamp_seconds{system="<system>", workload_id="<workload_id>"} * 1000',
            ),
        ),
        commands=(EXPLAIN,),
        silence=_SILENCE_ATTACK,
    ),
    "BackupIntegrityDoubtful": Runbook(
        meaning="The newest restore point still counts, but something speaks against it: a scan found it suspicious, "
        "its applications were not asked before it was taken (crash-consistent), or it is far smaller than those "
        "before it.",
        impact="It can probably be restored. A crash-consistent database may lose its last transactions or need "
        "repair; a point that has shrunk may lack a disk.",
        first=(
            "Read the reason on the status board or with `lastgood explain`.",
            "Suspicious: have the point scanned; it becomes infected or clean.",
            "Crash-consistent: look in the job's session for why guest processing failed (credentials, the writers of "
            "VSS, a full disk for logs), mend it and run the job.",
            "Shrunk: compare the disks in the job with those of the machine, and what it holds with last week.",
        ),
        queries=(_THREATS, ("Every workload in doubt", 'backup:verdict:held{objective="integrity"} == 1')),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupLogsStopped": Runbook(
        meaning="The tier promises that databases can be rolled forward to a moment not older than its log RPO, and "
        "the newest log backup is older. Where a vendor tells of logs only by job, this is the end of the job's last "
        "log backup while none runs.",
        impact="Databases can be brought back to the last image backup or to the last log, not to the present. On "
        "databases whose logs only a backup truncates, the log disk fills until the database stops. " + _ONE_CAUSE,
        first=(
            "See which job it is: the reason names it. All workloads of that job have this alert together.",
            "In the backup product look whether its log backup is switched off, or its last session failed: "
            "credentials of the guest, the log shipping server, space in the repository.",
            "Look at the free space of the log disks before anything else takes time.",
            "Start the log backup; where the product ties it to the image backup, run the job. Make sure that nobody "
            "truncated the logs by other means meanwhile: then only a new image backup begins a new chain.",
        ),
        queries=(
            (
                "When the newest log backup of each job ended (ms)",
                'backup_job_log_backup_end_timestamp_seconds{system="<system>"} * 1000',
            ),
            ("Jobs whose log backup does not run", 'backup_job_log_backup_running{system="<system>"} == 0'),
            ("Every workload whose logs are late, by seconds", "time() - backup:log_rpo_deadline:held > 0"),
        ),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupImmutabilityBroken": Runbook(
        meaning="The tier promises that new restore points cannot be changed or deleted for a while, and no repository "
        "that holds points of this workload keeps that: the period was shortened, switched off, or never set "
        "since the policy promises it.",
        impact="Whoever takes over the backup server can delete these backups. Points made before the change usually "
        "keep their own period. " + _ONE_CAUSE,
        first=(
            "Find out who changed the setting, when and from where; the reason names the repository and both periods. "
            "If nobody did it on purpose, treat it as an attack: call security, and lock the accounts of the backup "
            "server.",
            "Put the period back in the settings of the repository; on a hardened Linux repository check also the "
            "clock and the service that watches it.",
            "Check what the repository still holds, and whether a copy elsewhere is complete.",
            "Run the jobs that wrote while the period was short: only new points have the new period.",
            "If the change was agreed, change the policy too: `immutable` of the tier.",
        ),
        queries=(_KEPT, ("All workloads it hits", 'backup:verdict:held{objective="immutability"} == 2')),
        commands=(EXPLAIN,),
        silence=_SILENCE_ATTACK,
    ),
    "BackupEncryptionMissing": Runbook(
        meaning="The tier requires encrypted backups, and a job that backs this workload up (a copy job, too) writes "
        "without encryption.",
        impact="Whoever gets hold of the files reads all their data: a matter of data protection, and of contracts. "
        + _ONE_CAUSE,
        first=(
            "Read which job it is on the status board or with `lastgood explain`.",
            "Switch encryption on in that job, with a password that is kept where a lost backup server does not take "
            "it. Mind that the next run is a full one: see that the repository has room for it.",
            "What was written before stays readable until retention deletes it: decide with the owner whether to "
            "delete it earlier.",
        ),
        queries=(
            ("Jobs that do not encrypt", 'backup_job_encrypted{system="<system>"} == 0'),
            ("Repositories that do not encrypt by themselves", 'backup_repository_encrypted{system="<system>"} == 0'),
        ),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupConfigurationBackupOverdue": Runbook(
        meaning="The newest good backup of the backup server's own configuration is older than the policy allows "
        "(`configuration_backup`), or the server knows of none. The alert goes on while an exporter is down.",
        impact=_REBUILD,
        first=(
            "Open the configuration backup in the backup product: is it switched on, where does it write, why did the "
            "last one fail?",
            "Run it now; see that it goes to another machine than the server itself.",
            "Note where the file lies and who holds its password: both are needed when the server is gone.",
        ),
        queries=_CONFIGURATION,
        silence=SILENCE_SETTING,
    ),
    "BackupConfigurationBackupDoubtful": Runbook(
        meaning="The newest configuration backup is still young enough, but it is switched off, has no schedule, or is "
        "not encrypted although the policy requires it. Without encryption Veeam leaves the stored passwords out.",
        impact="None yet; it becomes overdue by itself, or would come back without its passwords. " + _REBUILD,
        first=(
            "Switch it on with a daily schedule and encryption, into a repository on another machine.",
            "Run it once and see that it succeeds.",
        ),
        queries=_CONFIGURATION,
        silence=SILENCE_SETTING,
    ),
    "BackupBestPracticeViolated": Runbook(
        meaning="The vendor's own security check of this backup server finds practices that are not followed. One "
        "alert stands for all of a system; what somebody accepted in the product is not among them.",
        impact="None at once. These are the doors through which backup servers are taken over.",
        first=(
            "Read the names on the status board; with `series: full` they are series, too.",
            "Follow them, one by one; begin with those on passwords, remote access and the domain.",
            "What cannot be followed is accepted in the product, with a note that says why and until when.",
        ),
        queries=(
            ("How many practices are met how", 'backup_best_practices{system="<system>"}'),
            ("Which are violated (series: full)", 'backup_best_practice_violation{system="<system>"}'),
        ),
        silence=SILENCE_SETTING,
    ),
    "BackupRestoreLeftMounted": Runbook(
        meaning="Somebody started this machine from its backup (instant recovery) more than a day ago, and it still "
        "runs there.",
        impact="It runs slowly and keeps its repository busy; what it writes lies in a cache that can fill. If the "
        "repository stops, so does the machine, and what it wrote since its start may be lost.",
        first=(
            "Ask who started it, and whether it is in use or a forgotten test.",
            "In use: migrate it to production storage. Its data since the start exists only there: do not dismount.",
            "A test: dismount it. Check that the original is on and backed up.",
            "Look whether its backup jobs were skipped meanwhile, and run them afterwards.",
        ),
        queries=(("Everything that runs from its backup, and since when (ms)", "backup:restore_mounted:held * 1000"),),
        silence=SILENCE_WORKLOAD,
    ),
}
