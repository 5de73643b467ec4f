"""Hindsight: what the past adds to the verdicts about a probe; a scan without memory sees none of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from scanner.model import Kind, Severity, Standing, Verdict
from scanner.model.memory import Memory, TraitValue
from scanner.verdict.demands import published_demand
from scanner.verdict.losses import LOSS_RULES
from scanner.verdict.past import Past, last_seen, say_moment
from scanner.verdict.rules import Case


def add_hindsight(case: Case, memory: Memory, readings: Mapping[str, TraitValue]) -> tuple[Verdict, ...]:
    """Return the verdicts of an observation with what the baseline says of them, and those it adds.

    `readings` are its traits.
    """
    observation = case.observation
    past = Past(case, memory, readings, observation.verdicts)
    weighed = [_weigh(past, verdict) for verdict in observation.verdicts]
    added = (rule(past) for rule in LOSS_RULES)
    return _join(case, (*weighed, *(verdict for verdict in added if verdict is not None)))


def _join(case: Case, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """A changed certificate beside any other downgrade is a hint at an interception (D19)."""
    is_downgraded = any(each.kind is Kind.DOWNGRADE and each.id != "certificate_changed" for each in verdicts)
    if not is_downgraded:
        return verdicts
    critical = case.grade(mx=Severity.WARNING, client=Severity.CRITICAL)
    return tuple(
        replace(each, severity=critical) if each.id == "certificate_changed" else each for each in verdicts
    )


def _weigh(past: Past, verdict: Verdict) -> Verdict:
    weigher = _WEIGHERS.get(verdict.id)
    return verdict if weigher is None else weigher(past, verdict)


def _weigh_by(name: str, text: str, *, least: Severity | None = None) -> Callable[[Past, Verdict], Verdict]:
    """Make a weigher: where the trait was lost, the verdict is a downgrade, and says since when."""

    def weigh(past: Past, verdict: Verdict) -> Verdict:
        trait = past.lost(name)
        if trait is None:
            return verdict
        return replace(
            verdict,
            kind=Kind.DOWNGRADE,
            severity=max(verdict.severity, least or verdict.severity),
            summary=f"{verdict.summary} {text} until {last_seen(trait)}.",
        )

    return weigh


def _weigh_starttls(past: Past, verdict: Verdict) -> Verdict:
    """D01: critical where clients send or read; on 25 where a policy makes it a must."""
    trait = past.lost("starttls")
    if trait is None:
        return verdict
    demand = published_demand(past.case.observation)
    on_mx = Severity.CRITICAL if demand else Severity.WARNING
    return replace(
        verdict,
        kind=Kind.DOWNGRADE,
        # One that a single vantage sees is critical already.
        severity=max(verdict.severity, past.case.grade(mx=on_mx, client=Severity.CRITICAL)),
        summary=f"{verdict.summary} It was offered until {last_seen(trait)}.",
    )


def _weigh_reach(past: Past, verdict: Verdict) -> Verdict:
    """F06, F08, F16: a port that did answer matters more than one that never has."""
    if verdict.kind is Kind.NOTICE and past.case.expectation.not_offered:
        return verdict
    trait = past.lost("open")
    if trait is not None:
        summary = f"{verdict.summary} It answered until {last_seen(trait)}."
        if verdict.id == "port_closed" and past.case.standing is Standing.LEGACY:
            return replace(verdict, summary=summary)  # S12, F08: closed is where such a port belongs
        is_missed = verdict.id == "port_closed" and past.case.standing is Standing.RECOMMENDED
        return replace(
            verdict,
            kind=Kind.MISCONFIGURATION if verdict.kind is Kind.NOTICE else verdict.kind,
            severity=max(verdict.severity, Severity.CRITICAL if is_missed else Severity.WARNING),
            summary=summary,
            advice=_LOST_ADVICE.get(verdict.id, verdict.advice),
        )
    since = past.memory.first_seen
    is_told = since is not None and "open" not in past.memory.traits and since < past.case.now
    if not is_told or since is None:
        return verdict
    return replace(
        verdict, summary=f"{verdict.summary} It has not answered since it is watched ({say_moment(since)})."
    )


def _weigh_ehlo(past: Past, verdict: Verdict) -> Verdict:
    """D07, F19: a refusal that is about our own name, or inside TLS, was no downgrade and becomes none."""
    trait = past.lost("esmtp")
    if trait is None:
        return verdict
    return replace(verdict, summary=f"{verdict.summary} EHLO was taken until {last_seen(trait)}.")


_LOST_ADVICE = {
    "port_closed": "Find out why the service on this port stopped; if it was switched off on purpose, accept "
    "that (mailport baseline accept), and remove the records that name it.",
}
_WEIGHERS: Mapping[str, Callable[[Past, Verdict], Verdict]] = {
    "port_blocked": _weigh_reach,
    "port_closed": _weigh_reach,
    "greeting_rejected": _weigh_reach,
    "starttls_missing": _weigh_starttls,
    "ehlo_rejected": _weigh_ehlo,
    "legacy_tls_accepted": _weigh_by(
        "legacy", "By an earlier list it accepted fewer of them, which held", least=Severity.WARNING
    ),
    "cipher_weak": _weigh_by("cipher", "A better class of cipher was in use", least=Severity.WARNING),
    "certificate_untrusted": _weigh_by("verified", "The certificate verified"),
    "certificate_name_mismatch": _weigh_by("verified", "The certificate verified"),
    "certificate_expired": _weigh_by("verified", "The certificate verified"),
    "certificate_not_yet_valid": _weigh_by("verified", "The certificate verified"),
    "auth_before_tls": _weigh_by("auth_clear", "Fewer or none were offered"),
    "dane_unverifiable": _weigh_by("dane", "DNSSEC protected them", least=Severity.WARNING),
}
