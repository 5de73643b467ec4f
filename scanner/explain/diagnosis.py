"""Diagnoses the three complaints by what was measured: for each cause the evidence for it and against it."""

from collections.abc import Mapping
from types import MappingProxyType

from scanner.explain.account_evidence import add_accounts
from scanner.explain.entries import Complaint
from scanner.explain.suspects_sign_in import auth_disabled, no_encryption, other_credential, wrong_credentials
from scanner.explain.suspects_way import (
    imap_failing,
    own_network,
    pop3_used,
    server_down,
    target_firewall,
    wrong_mode,
    wrong_port,
    wrong_server,
)
from scanner.explain.suspicion import Case, Standing, Suspect, Weigh

_CAUSES: Mapping[Complaint, tuple[Weigh, ...]] = MappingProxyType(
    {
        Complaint.TIMEOUT: (
            own_network,
            target_firewall,
            wrong_mode,
            wrong_port,
            wrong_server,
            server_down,
        ),
        Complaint.AUTHENTICATION: (
            wrong_credentials,
            other_credential,
            auth_disabled,
            no_encryption,
            wrong_server,
        ),
        Complaint.SYNC: (wrong_port, wrong_mode, wrong_server, pop3_used, imap_failing),
    }
)


def diagnose(complaint: Complaint, case: Case) -> tuple[Suspect, ...]:
    """Return the causes of a complaint: the likely ones first, else in the order in which they are common."""
    suspects = [add_accounts(weigh(case), case) for weigh in _CAUSES[complaint]]
    order = (Standing.LIKELY, Standing.POSSIBLE, Standing.UNLIKELY)
    return tuple(
        sorted(suspects, key=lambda each: (order.index(each.standing), not each.pro, bool(each.contra)))
    )
