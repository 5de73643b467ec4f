"""Shows advice: for people what to enter where, for programs JSON."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from scanner.cli.advise_recipes import RECIPES
from scanner.cli.cells import GOOD, QUIET
from scanner.cli.prose import indent, pairs
from scanner.explain.advice import POP3_CAUTION, Advice, Setup
from scanner.explain.advice_record import advice_record
from scanner.explain.advice_words import (
    tell_absence,
    tell_between_servers,
    tell_failing,
    tell_others,
    tell_preference,
    tell_stopgap,
    tell_unmeasured,
)
from scanner.explain.words import (
    LOGIN_NAMES,
    MODE_NAMES,
    SERVICE_NAMES,
    USER_NAMES,
    tell_way,
)
from scanner.model import Reason, Service, TargetFinding
from scanner.model.record import Record
from scanner.verdict.reason_advice import REASON_ADVICE
from scanner.verdict.recommendation import Choice, Way

_TASKS = {Service.SUBMISSION: "To send", Service.IMAP: "To read", Service.POP3: "Where POP3 is needed"}


def build_advice(advice: Advice, findings: Sequence[TargetFinding]) -> Iterator[RenderableType]:
    """Yield what to enter for a domain."""
    whose = f"  {advice.provider.name}" if advice.provider is not None else ""
    yield Text.assemble(
        (advice.domain, "bold"), (whose, QUIET), (f"  for {advice.wish.purpose.value}", QUIET)
    )
    for finding in findings:
        if finding.detail:
            yield indent(Text(finding.detail, "yellow"))
    if any(finding.reason is Reason.EXCLUDED and finding.host == advice.domain for finding in findings):
        counsel = REASON_ADVICE[Reason.EXCLUDED]
        yield Text("")
        yield indent(Text(f"{counsel.meaning} {counsel.advice}"))
        return
    has_excluded = any(finding.reason is Reason.EXCLUDED for finding in findings)
    for service, settings in _shown(advice):
        yield Text("")
        yield from _build_service(advice, service, settings, has_excluded=has_excluded)
    yield Text("")
    yield indent(pairs(("·", Text(line, QUIET)) for line in RECIPES[advice.wish.purpose]))


def _shown(advice: Advice) -> Iterator[tuple[Service, Setup]]:
    """Yield the services that the wish is about: POP3 beside IMAP only where it is there."""
    for service, settings in advice.services.items():
        is_extra = service not in advice.wanted
        if not is_extra or (advice.wish.purpose.reads and settings.choice.way is not None):
            yield service, settings


def _build_service(
    advice: Advice, service: Service, settings: Setup, *, has_excluded: bool
) -> Iterator[RenderableType]:
    choice = settings.choice
    title = _TASKS[service] if service is not advice.reading else "To read"
    if service is Service.IMAP and advice.wish.prefers_pop3:
        title = "For several devices"
    yield Text(f"{title} ({SERVICE_NAMES[service]})", "bold")
    if choice.way is None:
        yield indent(Text("nothing can be recommended", "red"))
    else:
        yield indent(pairs(_rows(advice, choice.way, settings)))
        if service is Service.POP3:
            yield indent(Text(POP3_CAUTION, "yellow"))
    yield from _build_rest(choice, has_excluded=has_excluded)


def _rows(advice: Advice, way: Way, settings: Setup) -> list[tuple[str, RenderableType]]:
    credential = settings.credential
    ways = credential.ways if credential is not None else ()
    said = "" if advice.is_user_name_known else " (usual; it cannot be measured)"
    why = tell_preference(advice, way) if way.service is Service.SUBMISSION else ""
    return [
        ("server", Text(way.host, GOOD)),
        ("port", Text(str(way.port), GOOD)),
        ("encryption", Text(MODE_NAMES[way.tls_mode], GOOD)),
        ("user name", Text(f"{USER_NAMES[advice.user_name]}{said}")),
        ("sign in with", Text(", or ".join(LOGIN_NAMES[each] for each in ways) or _UNKNOWN_WAY)),
        ("measured", Text(f"{tell_way(way)} Learnt by {way.source.value}.", QUIET)),
        *([("chosen", Text(why, QUIET))] if why else []),
    ]


_UNKNOWN_WAY = "not known: the server does not tell how one signs in"


def _build_rest(choice: Choice, *, has_excluded: bool) -> Iterator[RenderableType]:
    """Yield what else there is: other ways, a stopgap, what fails, what was not measured."""
    if choice.others:
        yield indent(Text(f"works too: {tell_others(choice)}", QUIET))
    if (words := tell_stopgap(choice)) is not None:
        yield indent(Text(words, "yellow"))
    weight = "yellow" if choice.way is None else QUIET
    yield from (indent(Text(line, weight)) for line in tell_failing(choice))
    yield from (indent(Text(line, "yellow")) for line in tell_between_servers(choice))
    yield from (indent(Text(line, QUIET)) for line in tell_unmeasured(choice))
    yield from (indent(Text(line, "yellow")) for line in tell_absence(choice, has_excluded=has_excluded))


def advice_to_json(advice: Advice, findings: Sequence[TargetFinding]) -> Record:
    """Return advice as plain values, with what else there is to say."""
    return {
        "kind": "advice",
        **advice_record(advice),
        "notes": list(RECIPES[advice.wish.purpose]),
        "findings": [finding.detail for finding in findings if finding.detail],
    }
