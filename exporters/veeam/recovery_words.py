"""What each type of session that brings something back proves, in one place.

The documents name the types (ESessionType, VBR REST 1.1-rev0 to 1.3-rev2) and describe none of them; what each does is
the user guide's. `True`: the session's length is the time until a whole workload was usable again. `False`: it is not,
and the session proves only that restoring works. `None`: the type does not say how much came back, so neither is told.

An undone failover is a recovery like any other: the API does not tell whether it was an exercise or an emergency that
was over, and either way the machine ran and the time it took was measured. A failback is the way home, no recovery.
"""

from __future__ import annotations

from collections.abc import Mapping

from lastgood.model import Proof

RESTORE_SESSIONS: Mapping[str, tuple[Proof, bool | None]] = {
    # Entire VM restore: ends when the machine is registered and, if asked, started.
    "restorevm": (Proof.RESTORE, True),
    "clouddirectorvmrestore": (Proof.RESTORE, True),
    "clouddirectorvapprestore": (Proof.RESTORE, True),
    # The replica runs when the session ends; a planned one moves the last changes over first.
    "failover": (Proof.RESTORE, True),
    "plannedfailover": (Proof.RESTORE, True),
    "failoverplan": (Proof.RESTORE, True),
    "failoverplantask": (Proof.RESTORE, True),
    # Open until somebody migrates or unmounts: the machine runs long before the session ends.
    "instantrecovery": (Proof.RESTORE, False),
    "azureinstantrecovery": (Proof.RESTORE, False),
    "firstclassdiskinstantrestore": (Proof.RESTORE, False),
    "instantdiskrecovery": (Proof.RESTORE, False),
    "fileinstantrecovery": (Proof.RESTORE, False),
    # Parts of a machine or an application.
    "filelevelrestore": (Proof.RESTORE, False),
    "linuxfilelevelrestore": (Proof.RESTORE, False),
    "diskrestore": (Proof.RESTORE, False),
    "applicationlevelrestore": (Proof.RESTORE, False),
    "entraidrestore": (Proof.RESTORE, False),
    "entraidrestorefromcopy": (Proof.RESTORE, False),
    # A whole share or some of its files; all volumes of a computer or one; a domain controller or all of them.
    "nasrestore": (Proof.RESTORE, None),
    "endpointrestore": (Proof.RESTORE, None),
    "restoreagentvolumes": (Proof.RESTORE, None),
    "restorerecoveryappliancevolumes": (Proof.RESTORE, None),
    "adforestrestore": (Proof.RESTORE, None),
    # Boot tests and scans.
    "surebackup": (Proof.TEST, False),
    "surebackupcontentscan": (Proof.TEST, False),
}
TESTS = frozenset(word for word, (proof, _) in RESTORE_SESSIONS.items() if proof is Proof.TEST)
# Their audit tells what came back and when; the session itself only that somebody looked.
BROWSED = frozenset({"filelevelrestore", "linuxfilelevelrestore"})

# EInstantRecoveryMountState: whether the repository serves a running machine. A mount that failed never did.
MOUNTED: Mapping[str, bool] = {"mounting": True, "mounted": True, "dismounting": True, "failed": False}
