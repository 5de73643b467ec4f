"""Turns observations into the words and figures of one row of the status page."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scanner.model import Certificate, Observation, Phase, State, TargetFinding, Verdict
from scanner.verdict import is_downgraded
from scanner.verdict.reason_advice import Counsel, advise
from scanner.web.standing import Concern, concern_of, severities_of

LEVELS = (
    "none reachable",
    "plaintext only",
    "weak or unverified TLS",
    "TLS 1.2, verified",
    "TLS 1.3, verified",
    "TLS and a published policy, verified",
)

EXPIRES_SOON_DAYS = 14

_CAPITALS = {
    "auth": "AUTH",
    "dane": "DANE",
    "dns": "DNS",
    "ehlo": "EHLO",
    "imap": "IMAP",
    "mta sts": "MTA-STS",
    "mx": "MX",
    "pop3": "POP3",
    "srv": "SRV",
    "starttls": "STARTTLS",
    "tls": "TLS",
}
_CAPITAL_WORD = re.compile(rf"\b({'|'.join(_CAPITALS)})\b")

_MARKS = {Concern.NONE: "ok", Concern.NOTICE: "info", Concern.SOON: "warn", Concern.NOW: "bad"}


@dataclass(frozen=True, slots=True)
class Segment:
    """One phase in the bar of a probe's time; start and width in hundredths of the bar."""

    phase: Phase
    seconds: float
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A verdict, and how sure it is by now."""

    verdict: Verdict
    note: str
    """Since when it stands, that it is not confirmed, or that the last probe did not show it; or empty."""


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint as the table shows it; a mark is the name of an icon and of a colour."""

    seen: Observation
    mark: str
    state_mark: str
    state: str
    reason: str
    is_downgraded: bool
    level_words: str
    days_left: int | None
    days_mark: str
    problems: str
    segments: tuple[Segment, ...]
    verdicts: tuple[Shown, ...]
    counsel: Counsel | None
    """What to do about the reason, where no verdict says it."""
    age: str
    accepted: str
    """The versions that the last sweep found accepted, the newest first."""
    untold: str
    """Those of which it could not tell."""


def mark_of(seen: Observation | TargetFinding) -> str:
    """Return the icon and colour that say how soon to look."""
    return _MARKS[concern_of(seen)]


def counsel_on(seen: Observation | TargetFinding) -> Counsel | None:
    """Return what to do about the reason of an endpoint or a target; None where verdicts tell it."""
    return advise(seen.reason, severities_of(seen))


def describe(seen: Observation, now: datetime) -> Row:
    """Return the row of an endpoint; ages and days left are counted to `now`."""
    days = None if seen.certificate is None else days_left(seen.certificate, now)
    return Row(
        seen=seen,
        mark=mark_of(seen),
        state_mark="ok" if seen.state is State.OPEN else mark_of(seen),
        state=say_name(seen.state),
        reason="" if seen.reason is None else say_name(seen.reason),
        is_downgraded=is_downgraded(seen),
        level_words=LEVELS[min(max(seen.level, 0), len(LEVELS) - 1)],
        days_left=days,
        days_mark="" if days is None else _mark_days(days),
        problems=_name_problems(seen.certificate, days),
        segments=_cut(seen),
        verdicts=_show_verdicts(seen, now),
        counsel=counsel_on(seen),
        age=say_age(now - seen.started_at),
        accepted=_list_versions(seen, wanted=True),
        untold=_list_versions(seen, wanted=None),
    )


def _show_verdicts(seen: Observation, now: datetime) -> tuple[Shown, ...]:
    """Return what this probe shows and what stands from earlier ones, the worst first."""
    if seen.standing is None:
        shown = [Shown(verdict, "") for verdict in seen.verdicts]
    else:
        standing = {each.verdict.id: each for each in seen.standing}
        shown = [
            Shown(
                verdict,
                f"began {say_age(now - standing[verdict.id].since)}"
                if verdict.id in standing
                else "seen once, to be confirmed",
            )
            for verdict in seen.verdicts
        ]
        of_this_probe = {verdict.id for verdict in seen.verdicts}
        shown += [
            Shown(each.verdict, f"not seen by the last probe; began {say_age(now - each.since)}")
            for id_, each in standing.items()
            if id_ not in of_this_probe
        ]
    return tuple(sorted(shown, key=lambda each: (-each.verdict.severity, each.verdict.id)))


def days_left(certificate: Certificate, now: datetime) -> int:
    """Return the whole days until the certificate expires; negative once it has expired."""
    return (certificate.not_after - now) // timedelta(days=1)


def say_name(name: str) -> str:
    """Return a name of the record (`tls_timeout`) as a person writes it (`TLS timeout`)."""
    return _CAPITAL_WORD.sub(lambda found: _CAPITALS[found[0]], name.replace("_", " "))


def say_title(name: str) -> str:
    """Return the same as it begins a line (`Certificate expired`)."""
    words = say_name(name)
    return words[:1].upper() + words[1:]


def say_age(age: timedelta) -> str:
    """Return how long ago something was, in the largest unit that says enough."""
    return f"{say_span(age)} ago" if age >= timedelta(seconds=1) else "just now"


def say_span(span: timedelta) -> str:
    """Return how long something has lasted, in the largest unit that says enough."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def say_wait(wait: timedelta) -> str:
    """Return how far off something is; what is due or overdue is `now`."""
    return f"in {say_span(wait)}" if wait >= timedelta(seconds=1) else "now"


def say_seconds(seconds: float) -> str:
    """Return a duration with its unit, three figures at most."""
    if seconds < 0.9995:
        milliseconds = seconds * 1000
        return f"{milliseconds:.1f} ms" if milliseconds < 9.95 else f"{milliseconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"


def say_time(moment: datetime) -> str:
    """Return a moment as people and machines read it, in UTC, to the second."""
    # Not strftime, which pads no year below 1000: a certificate's end is written by its server.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'seconds')} UTC"


def _mark_days(days: int) -> str:
    if days < 0:
        return "bad"
    return "warn" if days < EXPIRES_SOON_DAYS else "ok"


def _name_problems(certificate: Certificate | None, days: int | None) -> str:
    problems = () if certificate is None else certificate.problems
    # "expired" stands in the place of the days already.
    has_words = days is not None and days < 0
    return ", ".join(say_name(problem) for problem in problems if not (has_words and problem == "expired"))


def _cut(seen: Observation) -> tuple[Segment, ...]:
    """Return the phases one behind the other; the look-up was made before the probe, and has no width."""
    known = [(phase, max(seen.phases[phase], 0.0)) for phase in Phase if phase in seen.phases]
    whole = max(seen.duration, sum(seconds for phase, seconds in known if phase is not Phase.DNS))
    segments, start = [], 0.0
    for phase, seconds in known:
        width = 100 * seconds / whole if whole > 0 and phase is not Phase.DNS else 0.0
        segments.append(Segment(phase, seconds, round(start, 2), round(width, 2)))
        start += width
    return tuple(segments)


def _list_versions(seen: Observation, *, wanted: bool | None) -> str:
    versions = reversed(list((seen.versions or {}).items()))
    return ", ".join(version for version, is_accepted in versions if is_accepted is wanted)
