"""Runbooks of what backups stand on (repositories, components, licences) and of the exporter itself."""

from __future__ import annotations

from lastgood.render.runbook import (
    ESCALATE_OPERATORS,
    LOG,
    SILENCE_EXPORTER,
    SILENCE_SETTING,
    SILENCE_SYSTEM,
    Runbook,
)

_FREE = (
    "Free share of every repository",
    "backup_repository_free_bytes / backup_repository_capacity_bytes",
)
_FORECAST = (
    "Days until full, at the growth seen",
    "(backup_repository_forecast_full_timestamp_seconds - time()) / 86400",
)
_LICENSE = (
    ("Days until the licence ends", "(backup:license_expiry:held - time()) / 86400"),
    ("Share in use", "backup_license_used_units / backup_license_units"),
)
_COLLECTORS = (
    ("Rows read, and rows the vendor said there are", 'lastgood_collector_rows{system="<system>"}'),
    ("", 'lastgood_collector_rows_expected{system="<system>"}'),
)

INFRASTRUCTURE: dict[str, Runbook] = {
    "BackupRepositoryFilling": Runbook(
        meaning="Its used share, or the time until it is full at the growth seen, has passed the policy's warning.",
        impact="None yet. When it is full, every job that writes to it fails.",
        first=(
            "See what grows: a new workload, a full backup out of turn, retention that no longer deletes.",
            "Order space, or shorten what it keeps, before the forecast date. Never delete restore points by hand.",
        ),
        queries=(_FREE, _FORECAST),
    ),
    "BackupRepositoryFull": Runbook(
        meaning="Its used share, or the time until it is full, has passed the policy's critical limit.",
        impact="Jobs that write to it are about to fail together; then every RPO behind it is missed.",
        first=(
            "Free space today: extend it, move chains to another repository, or shorten retention and let the product "
            "delete.",
            "If immutability holds the space, it cannot be freed before its end: add space.",
        ),
        queries=(_FREE, _FORECAST),
    ),
    "BackupRepositoryOffline": Runbook(
        meaning="The backup server says it cannot reach this repository.",
        impact="Jobs that write to it fail and nothing can be restored from it while it is away.",
        first=(
            "Check its host, mount, network and credentials.",
            "If it looks tampered with (encrypted, wiped, immutability off), stop, isolate it and call security.",
            "When it is back, run the jobs that failed.",
        ),
        queries=(("Every repository that is offline", "backup_repository_online == 0"),),
    ),
    "BackupComponentDown": Runbook(
        meaning="A proxy, managed server or other part that backups need is down. Critical: no other one of its kind "
        "is up.",
        impact="Jobs run slower, wait, or cannot run at all.",
        first=("Bring its host or service back.", "See which jobs waited for it, and run those whose RPO is near."),
        queries=(("Every component that is down", "backup_component_up == 0"),),
    ),
    "BackupLicenseExpired": Runbook(
        meaning="The licence has reached its end, or the product calls it invalid.",
        impact="Jobs stop, at once or after a grace that the vendor grants; restores usually still work.",
        first=("Install a valid licence.", "Then run the jobs that were skipped, the strictest tier first."),
        queries=_LICENSE,
        silence=SILENCE_SETTING,
    ),
    "BackupLicenseEnding": Runbook(
        meaning="The end of the licence is nearer than the lead times of the policy (`license.expires_in`).",
        impact="None yet. At its end jobs stop.",
        first=("Order the renewal.", "Install it; the alert ends with the next poll."),
        queries=_LICENSE,
        silence=SILENCE_SETTING,
    ),
    "BackupLicenseExhausted": Runbook(
        meaning="More of the licence is in use than the policy allows (`license.used`).",
        impact="New workloads will not be backed up; some products then also stop old ones.",
        first=("Free units of workloads that no longer exist.", "Otherwise buy more."),
        queries=_LICENSE,
        silence=SILENCE_SETTING,
    ),
    "BackupCertificateEnding": Runbook(
        meaning="The TLS certificate of the system ends within 14 days, or has ended (negative time left).",
        impact="After its end the exporter refuses to talk to the system, as other clients do; its verdicts become "
        "UNKNOWN.",
        first=("Renew the certificate on the system.", "If its CA changed, update `ca_file` in lastgood.yaml."),
        queries=(("Days left", "(backup_certificate_expiry_timestamp_seconds - time()) / 86400"),),
        silence=SILENCE_SYSTEM,
    ),
    "LastgoodCredentialEnding": Runbook(
        meaning="The secret with which the exporter signs in to the system ends within 30 days (within 7: critical), "
        "or has ended (negative time left). Only systems that tell of its end are watched.",
        impact="After its end the system cannot be read: RPO deadlines go on and fire, everything else is UNKNOWN.",
        first=(
            "Make a new secret for the exporter's account in the product's console; the README of the vendor says how.",
            "Put it into the file that `password_file` names, with mode 0600, and reload.",
            "Delete the old one once the system is read again: some products end every session at that moment.",
        ),
        queries=(("Days left", "(lastgood_system_credential_expiry_timestamp_seconds - time()) / 86400"),),
        commands=("lastgood check-config --config lastgood.yaml", "systemctl reload lastgood"),
        silence=SILENCE_SYSTEM,
        escalate=ESCALATE_OPERATORS,
    ),
}

SOURCES: dict[str, Runbook] = {
    "LastgoodSystemUnreachable": Runbook(
        meaning="What is held of this system is older than `stale_after` allows, or it was never read. Verdicts that "
        "rest on it are UNKNOWN; RPO deadlines go on and still fire.",
        impact="Its backups may be fine or not: nobody knows.",
        first=(
            "Read the exporter's log for the system: refused, timed out, wrong certificate, bad answer?",
            "Check that the system's API answers from the exporter's machine.",
        ),
        queries=(
            ("When each system was last read (ms)", "lastgood_system_last_success_timestamp_seconds * 1000"),
            ("All that are not trusted, and for how long", "lastgood:system_blind:seconds"),
        ),
        commands=(LOG,),
        silence=SILENCE_SYSTEM,
    ),
    "LastgoodAuthBlocked": Runbook(
        meaning="The system refused the exporter's account. To keep the account from being locked out, no sign-in is "
        "tried for a while. Critical once what is held is no longer trusted.",
        impact="As for a system that cannot be read: its verdicts become UNKNOWN.",
        first=(
            "Check the account in the product: locked, expired, password changed?",
            "Put the new password into the file or variable that lastgood.yaml names and reload the exporter.",
        ),
        queries=(("Seconds until the next try", "lastgood_system_auth_blocked_until_timestamp_seconds - time()"),),
        commands=("systemctl reload lastgood", LOG),
        silence=SILENCE_SYSTEM,
    ),
    "LastgoodCollectorStale": Runbook(
        meaning="The system answers, but one kind of data (the collector) has not been read for too long, or never.",
        impact="Objectives that rest on it are UNKNOWN for all workloads of the system; this one alert stands for all.",
        first=(
            "Read the reason on the status board (Systems), or in the exporter's log.",
            "All of Veeam whose names begin with `em_` at once: Enterprise Manager does not answer, or refuses its "
            "account; `own_api`, or all others at once: the backup server's own API. The other half is still read.",
            "See whether the product was upgraded lately.",
        ),
        queries=(
            ("Collectors whose last reading failed", "lastgood_collector_success == 0"),
            ("How long their readings take", 'lastgood_collector_duration_seconds{system="<system>"}'),
        ),
        commands=(LOG,),
        silence=SILENCE_SYSTEM,
    ),
    "LastgoodCollectorNotPermitted": Runbook(
        meaning="Signed in, but the account lacks the right to read this kind of data.",
        impact="Objectives that rest on it are UNKNOWN. A right revoked on purpose is also how an attacker goes "
        "unseen.",
        first=(
            "Find out whether somebody changed the account's role.",
            "If not, the role never included it: the table of roles in the vendor folder's README says which one does. "
            "Weigh what else that role may do; a right that only reads is always worth giving.",
        ),
        queries=(("Everything that may not be read", "lastgood_collector_permitted == 0"),),
        silence="A right that is left out on purpose is an accepted risk: an entry in the policy's `exclusions` (match "
        "`system` and, as `name`, the collector; from `system`) takes it off the board, and in Alertmanager "
        "`alertname`, `system` and `collector` get a route of their own to a receiver that tells nobody. What rests on "
        "it stays UNKNOWN. Never silence `jobs`, `sessions`, `tasks`, `points` or `repositories`.",
    ),
    "LastgoodListingShort": Runbook(
        meaning="On two polls in a row the system listed fewer rows than it says it has, or less than half of the "
        "largest listing of 24 hours.",
        impact="Workloads may be missing from every verdict.",
        first=(
            "Compare the number of objects in the product's console with the rows read.",
            "If objects were removed on purpose, acknowledge it in the policy (`retired`); otherwise restore the "
            "right.",
        ),
        queries=_COLLECTORS,
        silence=SILENCE_SYSTEM,
    ),
    "LastgoodEstateShrunk": Runbook(
        meaning="The exporter holds less than half of the workloads it held at some time within 24 hours.",
        impact="What is no longer held is no longer judged: nobody would be told of its missing backups.",
        first=(
            "Find out whether workloads were retired, by whom, and whether the exporter's history was replaced.",
            "If it was on purpose, the alert ends by itself within a day.",
        ),
        queries=(
            ("Workloads held", "lastgood_system_workloads"),
            ("Retired in the last day", "increase(lastgood_system_retired_total[1d])"),
        ),
        silence=SILENCE_SYSTEM,
    ),
    "LastgoodUnknownWords": Runbook(
        meaning="The system uses words (of a type, a state, a result) that lastgood has no meaning for. Each is taken "
        "for unknown: a job of an unknown result did not succeed, a scan of an unknown finding is no all-clear.",
        impact="None at once, but what such a word tells is not judged: a new kind of job or failure may be behind it.",
        first=(
            "Find the words in the exporter's log: each is named once, with the field it stood in.",
            "Compare the version of the system with those that the vendor folder's README names; after an upgrade of "
            "the system, update lastgood.",
            "Otherwise report the words with the version of the system: one line of data teaches lastgood each.",
        ),
        queries=(
            ("Unknown words of each system", "lastgood_system_unknown_words"),
            ("The version of each system", "backup_system_info"),
        ),
        commands=(LOG,),
        silence=SILENCE_SYSTEM,
        escalate=ESCALATE_OPERATORS,
    ),
    "LastgoodClockSkew": Runbook(
        meaning="The system's clock differs from the exporter's by more than five minutes, or it reports a restore "
        "point of the future.",
        impact="Ages and deadlines are wrong by as much: a backup of the future would look fresh for too long.",
        first=("Check time synchronisation on the system and on the exporter's machine.",),
        queries=(("Difference in seconds", "lastgood_system_clock_skew_seconds"),),
        silence=SILENCE_SYSTEM,
    ),
}

EXPORTER: dict[str, Runbook] = {
    "LastgoodDown": Runbook(
        meaning='Prometheus has not been able to scrape an exporter for five minutes, or job="lastgood" has no target.',
        impact="Nothing new is known of any system it reads. RPO breaches still fire from what was known last; failing "
        "jobs and full repositories do not.",
        first=("Start it again; read its log for why it stopped.", "Check the network and the scrape configuration."),
        queries=(("Its targets", 'up{job="lastgood"}'),),
        commands=("systemctl status lastgood", LOG, "lastgood check-config --config lastgood.yaml"),
        silence=SILENCE_EXPORTER,
        escalate=ESCALATE_OPERATORS,
    ),
    "LastgoodSeriesDropped": Runbook(
        meaning="The page would have passed `max_series`; whole families of detail were left out, in a fixed order.",
        impact="Sizes, durations and restore detail are missing. Deadlines and verdicts never are.",
        first=("Split the systems over two exporters, or raise `max_series` if Prometheus can bear it.",),
        queries=(("Series on each page", "lastgood_series"), ("Left out", "lastgood_series_dropped")),
        silence=SILENCE_EXPORTER,
        escalate=ESCALATE_OPERATORS,
    ),
    "LastgoodSeriesOverCap": Runbook(
        meaning="The page has passed `max_series` although all detail was left out: states, deadlines and verdicts "
        "alone are more, and are never left out.",
        impact="None while Prometheus takes the page. Past its `sample_limit` it refuses the whole page, and nothing "
        "new is known of any system (LastgoodDown).",
        first=(
            "Where there are tenants: lower `limits.workload_series` in the policy, or write `series: tenant` into the "
            "rules of those nobody looks at one by one.",
            "Otherwise split the systems over two exporters, or raise `max_series`, and `sample_limit` above it, if "
            "Prometheus can bear it.",
        ),
        queries=(("Series on each page", "lastgood_series"), ("Past the cap", "lastgood_series_over_cap")),
        silence=SILENCE_EXPORTER,
        escalate=ESCALATE_OPERATORS,
    ),
    "LastgoodPolicyReloadFailed": Runbook(
        meaning="The newest policy or configuration has errors; the one before stays in force.",
        impact="Changes somebody believes to be in force are not.",
        first=("Run check-config: it names file, line, key and remedy.", "Mend it and reload."),
        queries=(("The policy in force", "lastgood_policy_info"),),
        commands=("lastgood check-config --config lastgood.yaml", "systemctl reload lastgood"),
        silence=SILENCE_EXPORTER,
        escalate=ESCALATE_OPERATORS,
    ),
    "LastgoodHistoryFailing": Runbook(
        meaning="The exporter could not write its history within the last half hour.",
        impact="It goes on from memory. After a restart, runs, first sights and capacity since then would be lost.",
        first=("Check space, rights and mount of `state_dir`.", "Do not restart the exporter before it can write."),
        queries=(("Failed writes since its start", "lastgood_history_write_errors"),),
        commands=(LOG,),
        silence=SILENCE_EXPORTER,
        escalate=ESCALATE_OPERATORS,
    ),
    "LastgoodRuleFailures": Runbook(
        meaning="Prometheus could not evaluate a rule of these groups.",
        impact="Alerts of that rule are missing, silently, for every workload.",
        first=(
            "Open Status, Rules in Prometheus: the error stands beside the rule.",
            "Compare the loaded file with the one shipped; mend or reinstall it and reload.",
        ),
        queries=(
            (
                "Failures per group",
                "sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total[1h])) > 0",
            ),
        ),
        silence="Do not silence it: while it fires, silence is what you already have.",
        escalate=ESCALATE_OPERATORS,
    ),
    "LastgoodWatchdog": Runbook(
        meaning="It always fires while the exporter delivers trusted data, rules run and notifications leave. Route "
        "it to a heartbeat receiver outside this installation; the alarm is its absence.",
        impact="When the heartbeat stops, no other alert can be relied on.",
        first=(
            "Follow the chain: is Prometheus up, does it scrape, does Alertmanager run, does the receiver answer?",
            "Then see whether any system's data is trusted.",
        ),
        queries=(("Systems whose data is trusted", "lastgood_system_stale_timestamp_seconds > time()"),),
        silence="Never silence it; take the receiver out of service instead, and only with a date for its return.",
        escalate=ESCALATE_OPERATORS,
    ),
}
