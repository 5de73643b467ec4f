"""Controls of three providers and what probes of them saw."""

from dataclasses import replace
from typing import Any

from scanner.model import Observation, Phase, Protocol, Reason, TlsMode
from scanner.model.control import Control, Gate, Realm
from scanner.verdict.interception import Asked, Round
from tests.verdict.observations import healthy

GATE = Gate(25, 4, Realm.PUBLIC)
PROVIDERS = ("one", "two", "three")


def controls() -> tuple[Control, ...]:
    """Three controls of port 25, each of another provider, whose greetings are known."""
    return tuple(
        Control(
            f"mx.{name}.test",
            25,
            Protocol.SMTP,
            TlsMode.STARTTLS,
            provider=name,
            banner=f"220 mx.{name}.test ESMTP",
            starttls=True,
        )
        for name in PROVIDERS
    )


def _seen(control: Control, **changes: Any) -> Observation:
    number = PROVIDERS.index(control.provider or PROVIDERS[0]) + 1
    seen = healthy(25)
    endpoint = replace(seen.endpoint, host=control.host, address=f"8.8.8.{number}", domains=())
    certificate = seen.certificate and replace(
        seen.certificate,
        fingerprint_sha256=f"{number:064x}",
        names=(control.host,),
        issuer=f"CN=CA {number}",
    )
    greeting = f"220 mx.{control.provider}.test ESMTP ready"
    usual = replace(
        seen, endpoint=endpoint, certificate=certificate, banner=greeting, phases={Phase.CONNECT: 0.03}
    )
    return replace(usual, **changes)


def asked(control: Control, **changes: Any) -> Asked:
    """What a probe of a control saw: all in good order, but for these changes."""
    return Asked(control, _seen(control, **changes))


def fine(control: Control) -> Asked:
    """A control that answers as it does."""
    return asked(control)


def failing(control: Control, reason: Reason = Reason.CONNECT_TIMEOUT, **changes: Any) -> Asked:
    """A control that shows nothing of itself."""
    nothing = dict.fromkeys(
        ("banner", "tls", "certificate", "starttls", "capabilities", "capabilities_tls"), None
    )
    return asked(control, **{**nothing, "reason": reason, "phases": {}, **changes})


def gate_round(*some: Asked, listed: int = 3, **changes: Any) -> Round:
    """One round of questions about port 25."""
    return Round(GATE, listed, tuple(some), **changes)
