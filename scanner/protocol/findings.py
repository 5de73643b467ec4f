"""What a dialogue has learnt so far; kept whatever happens next."""

from dataclasses import dataclass, field

from scanner.model import Certificate, Phase, Reason, Tls
from scanner.protocol.display import MAX_CHARACTERS

MAX_MECHANISMS = 64
"""How many ways to sign in are kept of one list; a line of a few kilobytes could name thousands."""


@dataclass(slots=True)
class Findings:
    """Filled in as facts are seen. Texts are already safe to show (see `display`)."""

    reason: Reason | None = None
    detail: str | None = None
    banner: str | None = None
    capabilities: tuple[str, ...] | None = None
    capabilities_tls: tuple[str, ...] | None = None
    auth_before_tls: tuple[str, ...] | None = None
    auth_after_tls: tuple[str, ...] | None = None
    starttls_offered: bool | None = None
    starttls_reply: str | None = None
    starttls_masked: bool = False
    extra_plaintext: int = 0
    preauth: bool = False
    ehlo_reply: str | None = None
    hello: str | None = None
    tls: Tls | None = None
    certificate: Certificate | None = None
    chain: tuple[bytes, ...] = ()
    """The presented certificates in DER form, the leaf first."""
    phases: dict[Phase, float] = field(default_factory=dict)

    def fail(self, reason: Reason, detail: str | None) -> None:
        """Record why the endpoint is not open; the first reason stands."""
        if self.reason is None:
            self.reason = reason
            self.detail = detail and detail[:MAX_CHARACTERS]
