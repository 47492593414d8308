"""What the runbooks of tenants say: one notification speaks of many, so the first step is always to find which."""

from __future__ import annotations

from lastgood.render.runbook import LOG, SILENCE_SYSTEM, Runbook

TENANTS: dict[str, Runbook] = {
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
