"""The rows of the table of losses, D01 to D25: each appears and is mended, and each as it always was."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scanner.model import Expectation, Kind, Severity
from scanner.model.incident import Cause
from tests.scenarios import faults as f
from tests.scenarios.scenario import AT_ONCE, HOST, Expected, Scenario
from tests.scenarios.world import BEGINS, Change, Fault, Server, When, World, between, on

C, W = Severity.CRITICAL, Severity.WARNING
DOWNGRADE, WEAKNESS, MISCONFIGURED = Kind.DOWNGRADE, Kind.WEAKNESS, Kind.MISCONFIGURATION
MENDED_AT = 4500.0
NEW = f"certificate {'cd' * 8}"
OWN = f"certificate {HOST.encode().hex()[:16]}"

_TLS_12 = f.with_tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
_TLS_11 = f.with_tls("TLSv1.1", "ECDHE-RSA-AES128-SHA")
_CBC = f.with_tls("TLSv1.2", "ECDHE-RSA-AES128-SHA256")
_RC4 = f.with_tls("TLSv1.2", "ECDHE-RSA-RC4-SHA")
_OLD_GROUP = f.with_tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "ffdhe2048")
_HYBRID = f.with_tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768")
_SCRAM = f.with_auth("SCRAM-SHA-256", "PLAIN")
_LOCKED: Change = lambda seen: f.imap(seen, "IMAP4REV1", "STARTTLS", "LOGINDISABLED")  # noqa: E731
_UNLOCKED: Change = lambda seen: f.imap(seen, "IMAP4REV1", "STARTTLS")  # noqa: E731
_IMAP2: Change = lambda seen: f.imap(  # noqa: E731
    f.stripped(seen), "IMAP2", "IMAP2BIS"
)


def appears(
    name: str, change: Change, ports: Sequence[int], expected: Expected | None, **more: object
) -> Scenario:
    """It was in good order, something is lost, and mended again."""
    when: When = between(BEGINS, MENDED_AT)
    before = more.get("before")
    usual = (Fault(before, when=between(0)),) if callable(before) else ()
    world = World(faults=(*usual, Fault(change, on(*ports), when)))
    told = () if expected is None else (replace(expected, ends=MENDED_AT),)
    return Scenario(f"{name} appears on {_list(ports)}", world, told)


def always(name: str, change: Change, ports: Sequence[int], expected: Expected | None = None) -> Scenario:
    """It never was otherwise: that is no downgrade."""
    world = World(faults=(Fault(change, on(*ports), between(0)),))
    told = () if expected is None else (replace(expected, begins=0.0),)
    return Scenario(f"{name} always so on {_list(ports)}", world, told)


def _list(ports: Sequence[int]) -> str:
    return ", ".join(map(str, ports))


def _stripping() -> Iterator[Scenario]:
    missing = Expected("starttls_missing", kind=DOWNGRADE)
    yield appears("D01", f.stripped, [587], missing)
    yield appears("D01", f.stripped, [143], missing)
    yield appears("D01", f.stripped, [110], missing)
    yield appears("D01", f.stripped, [25], replace(missing, severity=W))
    yield appears("D01", f.stripped, [25, 587, 143, 110], missing)
    yield always("D01", f.stripped, [587], replace(missing, kind=WEAKNESS))
    yield always("D01", f.stripped, [143], replace(missing, kind=WEAKNESS, severity=W))
    yield always("D01", f.stripped, [25], replace(missing, kind=WEAKNESS, severity=W))
    masked = Expected("starttls_masked", kind=DOWNGRADE, within=AT_ONCE)
    yield appears("D02+D03", f.masked, [25], masked)
    yield appears("D02+D03", f.masked, [587], masked)
    yield appears("D03", f.masked_greeting, [25], Expected("banner_masked", severity=W, within=AT_ONCE))
    refused = Expected("starttls_refused", kind=DOWNGRADE)
    yield appears("D04 454", f.answering("454 4.7.0 TLS not available"), [587], refused)
    yield appears("D04 454", f.answering("454 4.7.0 TLS not available"), [25], refused)
    yield appears("D05 500", f.answering("500 5.5.1 unrecognised"), [587], refused)
    yield appears("D05 BAD", f.answering("a2 BAD unknown command"), [143], refused)
    yield appears("D05 -ERR", f.answering("-ERR not allowed"), [110], refused)
    yield appears("D06 250", f.answering("250 2.0.0 OK"), [587], refused)
    yield appears("D06 untagged", f.answering("TAG BUG"), [143], refused)
    yield appears("D07", f.without_ehlo, [587], Expected("ehlo_rejected", kind=DOWNGRADE))
    yield appears("D07", f.without_ehlo, [25], Expected("ehlo_rejected", kind=DOWNGRADE, severity=W))
    yield appears("D08", _IMAP2, [143], Expected("protocol_lowered", kind=DOWNGRADE), before=_LOCKED)
    dropped = Expected("starttls_dropped", kind=DOWNGRADE)
    yield appears("D09", f.dropped_at_tls, [587], replace(dropped, severity=W))
    yield appears("D09", f.dropped_at_tls, [25, 587, 143, 110], dropped)
    yield appears("D10", f.in_plain_text, [993], Expected("plaintext_on_tls_port", kind=DOWNGRADE))
    yield always("D10", f.in_plain_text, [465], Expected("plaintext_on_tls_port"))
    yield appears("D24", f.injected, [587], Expected("starttls_injection", within=AT_ONCE))


def _parameters() -> Iterator[Scenario]:
    version = Expected("tls_version_dropped", kind=DOWNGRADE, severity=W)
    yield appears("D11 1.3 to 1.2", _TLS_12, [993], version)
    yield always("D11 1.2", _TLS_12, [25, 465, 587, 143, 993, 110, 995])
    yield appears("D11 sentinel", f.marked, [993], replace(version, severity=C, within=AT_ONCE))
    below = Expected("tls_version_below_policy", within=AT_ONCE)
    yield appears("D12 1.3 to 1.1", _TLS_11, [993], below)
    yield always("D12 1.1", _TLS_11, [993], below)
    legacy = Expected("legacy_tls_accepted", severity=W)
    modern = f.accepting("TLSv1.2", "TLSv1.3")
    old = f.accepting("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
    yield appears("D13", old, [993], legacy, before=modern)
    yield appears("D13", old, [25], legacy, before=modern)
    yield always("D13", old, [25])
    cipher = Expected("cipher_weak", severity=W)
    yield appears("D14 CBC", _CBC, [993], replace(cipher, kind=DOWNGRADE), before=_TLS_12)
    yield appears("D14 RC4", _RC4, [993], replace(cipher, severity=C), before=_TLS_12)
    group = Expected("group_weakened", kind=DOWNGRADE, severity=W)
    yield appears("D15 finite field", _OLD_GROUP, [993], group)
    yield appears(
        "D15 post-quantum", f.with_tls("TLSv1.3", "TLS_AES_256_GCM_SHA384"), [993], None, before=_HYBRID
    )
    yield appears("D25", f.proxied, [587], Expected("tls_terminated_by_proxy", severity=W, within=AT_ONCE))


def _certificates() -> Iterator[Scenario]:
    bad = Expected("certificate_untrusted", NEW, cause=Cause.CERTIFICATE)
    untrusted, misnamed = f.with_certificate(**f.UNTRUSTED), f.with_certificate(**f.MISNAMED)
    clients = [465, 587, 143, 993, 110, 995]
    yield appears("D16", untrusted, [993], bad)
    yield appears("D16", untrusted, clients, bad)
    yield appears(
        "D16 by another issuer", untrusted, [25], replace(bad, name="certificate_changed", severity=W)
    )
    yield appears("D16 without its chain", f.with_certificate(**f.INCOMPLETE), [25], None)
    yield appears(
        "D16 without its chain", f.with_certificate(**f.INCOMPLETE), [993], replace(bad, subject=OWN)
    )
    yield always("D16", untrusted, clients, replace(bad, kind=MISCONFIGURED, within=AT_ONCE))
    yield always("D16", untrusted, [25])
    wrong = replace(bad, name="certificate_name_mismatch")
    yield appears("D17", misnamed, [993], wrong)
    yield appears("D17", misnamed, clients, wrong)
    yield appears("D17", misnamed, [25], None)
    key = Expected("key_weak", OWN, within=AT_ONCE)
    yield appears("D20 RSA 1024", f.with_certificate(key="RSA 1024"), [993], replace(key, subject=HOST))


def _sign_in() -> Iterator[Scenario]:
    gone = Expected("logindisabled_vanished", severity=W, kind=DOWNGRADE)
    yield appears("D21", _UNLOCKED, [143], gone, before=_LOCKED)
    both = Expected("starttls_missing", kind=DOWNGRADE)
    yield appears("D21+D01", f.stripped_with_logindisabled, [143], both, before=_LOCKED)
    clear = Expected("auth_before_tls", severity=W)
    yield appears("D22", f.clear_auth, [587], replace(clear, kind=DOWNGRADE))
    yield always("D22", f.clear_auth, [587], replace(clear, kind=WEAKNESS, within=AT_ONCE))
    tolerated = Expectation(provider="qq", tolerated=frozenset({"auth_before_tls"}))
    world = World(
        servers=(Server(expectation=tolerated),), faults=(Fault(f.clear_auth, on(587), between(0)),)
    )
    yield Scenario("D22 always so at a provider that says so", world)
    yield appears("D23 weaker", f.with_auth("PLAIN"), [587], None, before=_SCRAM)
    yield appears("D23+F34 none left", f.with_auth(), [587], Expected("auth_not_offered", severity=W))
    yield appears("D23 none left", f.with_auth(), [993], Expected("auth_weakened", severity=W))
    yield always("F34", f.with_auth(), [587], Expected("auth_not_offered", severity=W))


LOSSES = (*_stripping(), *_parameters(), *_certificates(), *_sign_in())
