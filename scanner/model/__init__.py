"""Room 0: frozen values that every other room speaks in."""

from scanner.model.observation import Certificate, Endpoint, Observation, StartTls, TargetFinding, Tls
from scanner.model.ports import PORTS, Port, Protocol, Role, Standing, TlsMode, role_of
from scanner.model.reason import STATE_OF, Phase, Reason, State
from scanner.model.verdict import Kind, Severity, Verdict

__all__ = [
    "PORTS",
    "STATE_OF",
    "Certificate",
    "Endpoint",
    "Kind",
    "Observation",
    "Phase",
    "Port",
    "Protocol",
    "Reason",
    "Role",
    "Severity",
    "Standing",
    "StartTls",
    "State",
    "TargetFinding",
    "Tls",
    "TlsMode",
    "Verdict",
    "role_of",
]
