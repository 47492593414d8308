"""What the runbooks of tenants say: one notification speaks of many, so the first step is always to find which."""

from __future__ import annotations

from lastgood.render.runbook import EXPLAIN, LOG, SILENCE_SYSTEM, Runbook

_WHICH = (
    "List the tenant's workloads: the status board shows the worst first, `/api/v1/verdicts?verdict=CRITICAL,WARNING` "
    "names them with reason and first step."
)
_COUNTS = (
    ("Its workloads by their RPO", 'backup_tenant_workloads{backup_tenant_id="<tenant>"}'),
    ("What else is not kept", 'backup_tenant_verdicts{backup_tenant_id="<tenant>"}'),
)

TENANTS: dict[str, Runbook] = {
    "BackupTenantRpoBreached": Runbook(
        meaning="At least one workload of the tenant has passed the deadline of its newest usable restore point. The "
        "policy tells of these workloads by their tenant only (`series: tenant`, or a system larger than "
        "`limits.workload_series`): there is one alert for all of them.",
        impact="What was written since its last good point would be lost, for each of these workloads.",
        first=(
            _WHICH,
            "Many at once have one cause: an agent update, a full quota, a network. Begin with what they share.",
            "A customer who needs an alert for each machine gets it by a rule of its own with `series: workload`.",
        ),
        queries=_COUNTS,
        commands=(EXPLAIN,),
    ),
    "BackupTenantObjectiveMissed": Runbook(
        meaning="The exporter judges that the promise in `objective` is not kept for some workloads of the tenant, "
        "which the policy tells of by their tenant only (`series: tenant`, or by size). A WARNING on rpo: a due run "
        "failed or was missed.",
        impact="The same as for a workload with an alert of its own, for as many of them as the value says.",
        first=(_WHICH, "Follow the runbook of that objective for the worst of them."),
        queries=_COUNTS,
        commands=(EXPLAIN,),
    ),
    "LastgoodTenantsUnreadable": Runbook(
        meaning="The system lists tenants that the exporter's account may not see into. Tenants that are switched off "
        "or suspended, and those that the policy excludes, are not counted.",
        impact="Nothing is known of the backups of these tenants: no verdict of theirs exists, good or bad.",
        first=(
            "List them (the query below) and ask whether anybody expects their backups to be watched.",
            "If so, have the tenant open itself to the account's own tenant, or give the account the role its vendor's "
            "README names; a tenant that hides does so on purpose.",
            "If not, exclude it in the policy: match `tenant`, from `system`, with a reason, an approver and an end.",
        ),
        queries=(
            ("The tenants it may not see into", "backup_tenant_readable == 0"),
            ("Readable of all", "lastgood_system_tenants_readable / lastgood_system_tenants"),
        ),
        commands=(LOG,),
        silence=SILENCE_SYSTEM,
    ),
}
