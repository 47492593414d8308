"""Runbooks of the backups themselves: workloads, restores, jobs."""

from __future__ import annotations

from lastgood.render.runbook import EXPLAIN, SILENCE_WORKLOAD, Runbook

_LAST_GOOD = (
    "When its last good restore point was taken, per role",
    'backup_workload_last_good_timestamp_seconds{system="<system>", workload_id="<workload_id>"} * 1000',
)
_ITS_STATE = (
    "Where it stands: listed, missing, never, unreadable",
    'backup_workload_state{system="<system>", workload_id="<workload_id>"} == 1',
)
_FAILING_JOBS = (
    "Jobs of the system that failed last",
    'backup_job_last_run_result{system="<system>", result="failed"} == 1',
)
_RUN_SECONDS = (
    "How long its last runs took",
    'backup_job_last_run_duration_seconds{system="<system>", backup_job_id="<backup_job_id>"}',
)

WORKLOADS: dict[str, Runbook] = {
    "BackupRpoBreached": Runbook(
        meaning="The newest usable restore point of this workload, in the role named by the alert, is older than the "
        "policy allows. Calendars are already counted. The alert goes on while an exporter is down: time passes all "
        "the same.",
        impact="If the workload were lost now, everything written since its last good point would be lost with it: "
        "more than its owner agreed to (RPA worse than RPO).",
        first=(
            "Read the reason: the status board or `lastgood explain` says which job should have made the point and why "
            "it did not.",
            "If several workloads of one system are late together, look for the one cause first: repository full or "
            "offline, proxy down, licence ended, system unreachable.",
            "In the backup product open the last session of the job, mend the cause and run the job for this workload.",
            "If it cannot succeed soon, make a copy by other means (a dump, a snapshot) and tell the owner.",
        ),
        queries=(_LAST_GOOD, _ITS_STATE, ("Every breach, longest first", "sort_desc(backup:rpo_overdue:seconds)")),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupNeverProtected": Runbook(
        meaning="The workload is known to its backup system, its onboarding time is over, and a complete listing shows "
        "no usable restore point of it, ever.",
        impact="It cannot be restored at all. Whoever relies on it believes otherwise.",
        first=(
            "See whether a job or policy covers it; if not, add it to one.",
            "If a job covers it, open the last session: is it skipped, excluded or failing inside a job that succeeds?",
            "Run the job for it and watch its first full backup finish.",
        ),
        queries=(
            _ITS_STATE,
            (
                "Whether any job covers it",
                'backup_workload_protected{system="<system>", workload_id="<workload_id>"}',
            ),
        ),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupRpoAtRisk": Runbook(
        meaning="The last good point still counts, but evidence says the next will not come in time: a due run failed "
        "for good, was missed, left this workload out, or cannot finish before the deadline.",
        impact="None yet. Until the deadline there is still time to act in working hours instead of at night.",
        first=(
            "Read the reason on the status board or with `lastgood explain`.",
            "Mend what made the run fail, then run the job again now.",
        ),
        queries=(
            (
                "Time left until the RPO is missed",
                'backup:rpo_deadline:held{system="<system>", workload_id="<workload_id>"} - time()',
            ),
            _FAILING_JOBS,
        ),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupWorkloadUnprotected": Runbook(
        meaning="Critical: the backup system knows the workload and no job covers it. Warning: the system no longer "
        "reports it, or no rule of the policy gives it a tier.",
        impact="No new restore point comes for it. What exists ages until retention deletes it.",
        first=(
            "Ask `lastgood explain` which of the cases it is.",
            "Uncovered: add it to a job. Vanished: find out who removed it and whether on purpose. No tier: add a rule "
            "to the policy.",
            "If it is decommissioned, say so under `retired` in the policy; do not just let it vanish.",
        ),
        queries=(
            ("All that no job covers", "backup_workload_protected == 0"),
            ("All that are no longer reported", 'backup_workload_state{state="missing"} == 1'),
        ),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupRequiredMissing": Runbook(
        meaning="The policy lists this workload under `required` and no backup system has ever reported it.",
        impact="Something the business declared indispensable has no backup anywhere that is watched.",
        first=(
            "Compare its name in the policy with the names the systems report.",
            "If it is new, put it into a job; if it is backed up by a system that is not configured, add that system.",
            "See whether every system is read at present: a workload may hide behind a system that is not.",
        ),
        queries=(
            ("Required and unheard of", 'backup_verdict{system="policy", objective="coverage"} == 2'),
            ("Systems whose list is not whole at present", "lastgood_system_listed == 0"),
        ),
        commands=("lastgood check-config --policy policy.yaml",),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupObjectiveMissed": Runbook(
        meaning="The exporter judges a promise of the policy as not kept, one that has no alert of its own; the label "
        "`objective` names it.",
        impact="Depends on the objective: see its paragraph in the policy.",
        first=("Read the reason and the first step on the status board, or with `lastgood explain`.",),
        queries=(("Every verdict that is not OK", "backup:verdict:held"),),
        commands=(EXPLAIN,),
    ),
}

RESTORES: dict[str, Runbook] = {
    "BackupRtoExceeded": Runbook(
        meaning="The newest whole-workload restore or drill failed, or took longer than the RTO of its tier. "
        "File-level restores and boot tests do not count here.",
        impact="After a loss the workload would be back later than its owner agreed to (RTA worse than RTO).",
        first=(
            "Open the session of that restore: what took the time, or what broke?",
            "Mend it: a nearer repository, instant recovery, more bandwidth, a smaller workload.",
            "Restore it again as a timed drill. If the RTO cannot be kept, the owner must agree to another one.",
        ),
        queries=(
            (
                "How long its last restores took (series: full)",
                'backup_restore_last_duration_seconds{system="<system>", workload_id="<workload_id>"}',
            ),
        ),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupRestoreUnproven": Runbook(
        meaning="No restore, test or drill of this workload is known, and the time the policy gives for a first proof "
        "has passed. For an RTO only a restore of the whole workload is a proof.",
        impact="Its backups exist, but nobody knows whether it comes back, or how fast. Auditors ask for this "
        "evidence.",
        first=(
            "Plan a timed restore of the whole workload into an isolated network within two weeks.",
            "For many workloads set up the product's automatic verification; it proves restorability, not the RTO.",
        ),
        queries=(
            (
                "Everything unproven, longest first",
                'sort_desc(time() - backup:restore_test_deadline:held{proven="0"} > 0)',
            ),
        ),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupRestoreTestOverdue": Runbook(
        meaning="The last proof that this workload (or enough of its tier: workload_id `tier:<name>`) can be restored "
        "is older than the policy allows.",
        impact="What was proven then may no longer hold: applications, sizes and credentials change.",
        first=("Plan a restore test. For a tier proven by sample, choose workloads that were never tested.",),
        queries=(("What falls due in the next 14 days", "backup:restore_test_deadline:held - time() < 1209600"),),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
    "BackupRestoreTestFailed": Runbook(
        meaning="The newest restore, test or drill of this workload failed.",
        impact="Its restore points may be useless although every backup job succeeded.",
        first=(
            "Open the session of the test: did the restore fail, or only what was tested afterwards?",
            "Try an older restore point. If that works, find out what changed since and treat the newer ones as "
            "suspect.",
            "Mend the cause, make a full backup, test again.",
        ),
        queries=(_LAST_GOOD,),
        commands=(EXPLAIN,),
        silence=SILENCE_WORKLOAD,
    ),
}

JOBS: dict[str, Runbook] = {
    "BackupJobStuck": Runbook(
        meaning="A run goes on for more than twice its allowed duration and three times its usual one.",
        impact="The next runs wait for it. Workloads of the job get no new restore point; their RPO ages.",
        first=(
            "Open the session: does anything still move?",
            "If not, stop it, free what it holds (snapshots, locked files, proxy slots) and start it again.",
        ),
        queries=(_RUN_SECONDS, ("Jobs that run at present", "backup_job_running == 1")),
    ),
    "BackupJobTooLong": Runbook(
        meaning="A run goes on for longer than the policy allows its mode (full or incremental).",
        impact="It may reach into working hours and slow down production, and may finish too late for the RPO.",
        first=(
            "Open the session and find the bottleneck: source, proxy, network or target.",
            "See whether other jobs compete for the same proxy or repository.",
        ),
        queries=(_RUN_SECONDS, ("What the policy allows", 'backup_job_max_duration_seconds{system="<system>"}')),
    ),
    "BackupJobRunSlow": Runbook(
        meaning="The last finished run took longer than the policy allows its mode, retries included.",
        impact="None at once. Runs that grow longer end in missed schedules.",
        first=("Compare bytes read and the bottleneck with earlier sessions: more data, or the same data slower?",),
        queries=(
            _RUN_SECONDS,
            ("Bytes its last run read", 'backup_job_last_run_read_bytes{system="<system>"}'),
        ),
    ),
    "BackupJobFailing": Runbook(
        meaning="Critical: several final failures in a row. Warning: the share of successful runs is below the "
        "policy's minimum. Retries are folded in: a run that succeeded at its second attempt is a success.",
        impact="Its workloads get no new restore points, or only by luck.",
        first=(
            "Read the last failed session in the backup product and mend its cause.",
            "Run the job now instead of waiting for its schedule.",
        ),
        queries=(
            ("Failures in a row", 'backup_job_consecutive_failures{system="<system>"} > 0'),
            ("Runs per result in 30 days", 'increase(backup_job_runs_total{system="<system>"}[30d])'),
        ),
    ),
    "BackupJobDisabled": Runbook(
        meaning="The job has been disabled for more than seven days. Prometheus keeps the moment it first saw it so; "
        "being enabled for less than an evaluation is not noticed.",
        impact="Disabled jobs are excused from lateness, so nothing else tells of the job itself; its workloads' RPO "
        "ages.",
        first=(
            "Ask who disabled it and why.",
            "Enable it and run it, or delete it and retire its workloads in the policy.",
        ),
        queries=(("Every disabled job and since when (ms)", "backup:job_disabled_since:held * 1000"),),
    ),
}
