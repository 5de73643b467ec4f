"""Siblings and published policies: the rows D26 to D30 of the table of losses."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from scanner.discovery.offer import Place
from scanner.model import Dane, DaneStatus, Expectation, Kind, Severity, StsMode, StsPolicy, TlsaRecord
from tests.scenarios import faults as f
from tests.scenarios.losses import MENDED_AT
from tests.scenarios.scenario import AT_ONCE, CONFIRMED, NEXT_PROBE, UNHURRIED, Expected, Scenario
from tests.scenarios.world import BEGINS, Fault, Server, When, World, at, between, both, on

C, W = Severity.CRITICAL, Severity.WARNING
DURING: When = between(BEGINS, MENDED_AT)
V6 = "2a00:1450::7"
TWO = (Server(addresses=("9.1.0.1", V6)),)
RECORD = TlsaRecord(3, 1, 1, b"\xab" * 32)
ENFORCE = StsPolicy(StsMode.ENFORCE, ("mail.site.test",), 604800)
_TLS_12 = f.with_tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")


def _siblings() -> Iterator[Scenario]:
    disagree = Expected("siblings_disagree", severity=W)
    worse = World(TWO, faults=(Fault(_TLS_12, both(at(V6), on(993)), between(0)),))
    yield Scenario("D26 IPv6 has TLS 1.2 alone, always so", worse, (replace(disagree, begins=0.0),))
    plain = World(TWO, faults=(Fault(f.stripped, both(at(V6), on(25)), between(0)),))
    missing = Expected("starttls_missing", severity=W, kind=Kind.WEAKNESS, begins=0.0)
    yield Scenario("D26 IPv6 lacks STARTTLS, always so", plain, (missing,))
    stripped = World(TWO, faults=(Fault(f.stripped, both(at(V6), on(587)), DURING),))
    lost = Expected("starttls_missing", kind=Kind.DOWNGRADE, ends=MENDED_AT)
    yield Scenario("D26 STARTTLS is stripped over IPv6 alone", stripped, (lost,))
    pair = tuple(Server(f"mx{number}.site.test", (f"9.6.0.{number}",), (25,)) for number in (1, 2))
    one = World(pair, faults=(Fault(_TLS_12, at("mx2.site.test"), between(0)),))
    weaker = replace(disagree, subject="mx2.site.test", begins=0.0)
    yield Scenario("D26 one MX of two has TLS 1.2 alone, always so", one, (weaker,))
    bad = World(TWO, faults=(Fault(f.with_certificate(**f.UNTRUSTED), both(at(V6), on(25)), between(0)),))
    yield Scenario("D26 plain MX: another certificate over IPv6", bad)


def published(mode: StsMode, **more: object) -> Callable[[float], StsPolicy]:
    """A policy that is there all the time."""
    policy = replace(ENFORCE, mode=mode, **more)  # type: ignore[arg-type]
    return lambda _: policy


def _mta_sts() -> Iterator[Scenario]:
    for mode, severity in ((StsMode.ENFORCE, C), (StsMode.TESTING, W)):
        policy = published(mode)
        within = AT_ONCE if mode is StsMode.ENFORCE else CONFIRMED
        missing = Expected(
            "starttls_missing", severity=severity, kind=Kind.DOWNGRADE, within=within, ends=MENDED_AT
        )
        world = World(policy=policy, faults=(Fault(f.stripped, on(25), DURING),))
        yield Scenario(f"D27 {mode.value}: STARTTLS is stripped", world, (missing,))
        violated = Expected(
            "mta_sts_violated", severity=severity, kind=Kind.DOWNGRADE, within=AT_ONCE, ends=MENDED_AT
        )
        for name, change in (
            ("untrusted", f.INCOMPLETE),
            ("misnamed", {**f.MISNAMED, "fingerprint_sha256": "ab" * 32}),
        ):
            world = World(policy=policy, faults=(Fault(f.with_certificate(**change), on(25), DURING),))
            yield Scenario(f"D27 {mode.value}: the certificate is {name}", world, (violated,))
        left_out = World(policy=published(mode, mx=("other.test",)))
        yield Scenario(
            f"D27 {mode.value}: the MX is not in it", left_out, (replace(violated, begins=0.0, ends=None),)
        )
    yield Scenario("D27 kept", World(policy=published(StsMode.ENFORCE)))
    gone = Expected(
        "mta_sts_weakened", "site.test", W, kind=Kind.DOWNGRADE, within=900.0 + 300.0, ends=MENDED_AT
    )
    world = World(policy=published(StsMode.ENFORCE), policy_notice=_during("mta_sts_weakened"))
    yield Scenario("D28 the policy is withdrawn or weakened", world, (gone,))
    world = World(policy=published(StsMode.ENFORCE), policy_notice=_during("mta_sts_broken"))
    yield Scenario("D28 the policy cannot be fetched", world, (replace(gone, name="mta_sts_broken"),))
    brief = between(BEGINS, BEGINS + 200)
    world = World(
        policy=published(StsMode.ENFORCE), policy_notice=lambda t: "mta_sts_broken" if brief(t) else None
    )
    yield Scenario("D28 the policy cannot be fetched for 200 s", world)


def _during(name: str) -> Callable[[float], str | None]:
    return lambda moment: name if DURING(moment) else None


def dane(status: DaneStatus, when: When = lambda _: True) -> Callable[[Place, float], Expectation | None]:
    """TLSA records for port 25: secure, and of this status at these times."""

    def expect(place: Place, moment: float) -> Expectation | None:
        if place.port != 25:
            return None
        now = status if when(moment) else DaneStatus.SECURE
        return Expectation(dane=Dane(now, (RECORD,) if now is DaneStatus.SECURE else ()))

    return expect


def _dane() -> Iterator[Scenario]:
    secure = dane(DaneStatus.SECURE)
    yield Scenario("D29 kept", World(expect=secure))
    missing = Expected("starttls_missing", kind=Kind.DOWNGRADE, within=AT_ONCE, ends=MENDED_AT)
    world = World(expect=secure, faults=(Fault(f.stripped, on(25), DURING),))
    yield Scenario("D29 STARTTLS is stripped", world, (missing,))
    violated = replace(missing, name="dane_violated")
    world = World(expect=secure, faults=(Fault(f.mismatching, on(25), DURING),))
    yield Scenario("D29 nothing matches", world, (violated,))
    lost = Expected(
        "dane_unverifiable",
        severity=W,
        kind=Kind.DOWNGRADE,
        within=UNHURRIED + 600,
        ends=MENDED_AT + 900,
        ends_within=2 * NEXT_PROBE + 600,
    )
    for status in (DaneStatus.FAILED, DaneStatus.INSECURE, DaneStatus.NONE):
        world = World(expect=dane(status, between(BEGINS, MENDED_AT + 900)), hours=3)
        yield Scenario(f"D30 TLSA is {status.value}", world, (lost,))
    brief = World(expect=dane(DaneStatus.FAILED, between(BEGINS, BEGINS + 200)))
    yield Scenario("D30 TLSA fails for 200 s", brief)
    own = World(expect=dane(DaneStatus.UNTRUSTED, DURING))
    yield Scenario("D30 our resolver cannot tell", own)


PROMISES = (*_siblings(), *_mta_sts(), *_dane())
