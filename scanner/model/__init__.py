"""Room 0: frozen values that every other room speaks in."""

from scanner.model.observation import Certificate, Endpoint, Observation, StartTls, TargetFinding, Tls
from scanner.model.ports import PORTS, Port, Protocol, Role, Standing, TlsMode, role_of
from scanner.model.published import (
    Dane,
    DaneMatch,
    DaneStatus,
    Expectation,
    Login,
    Proof,
    Service,
    Source,
    StsClaim,
    StsMode,
    StsPolicy,
    TlsaRecord,
)
from scanner.model.reason import STATE_OF, Phase, Reason, State
from scanner.model.verdict import Kind, Severity, StandingVerdict, Verdict

__all__ = [
    "PORTS",
    "STATE_OF",
    "Certificate",
    "Dane",
    "DaneMatch",
    "DaneStatus",
    "Endpoint",
    "Expectation",
    "Kind",
    "Login",
    "Observation",
    "Phase",
    "Port",
    "Proof",
    "Protocol",
    "Reason",
    "Role",
    "Service",
    "Severity",
    "Source",
    "Standing",
    "StandingVerdict",
    "StartTls",
    "State",
    "StsClaim",
    "StsMode",
    "StsPolicy",
    "TargetFinding",
    "Tls",
    "TlsMode",
    "TlsaRecord",
    "Verdict",
    "role_of",
]
