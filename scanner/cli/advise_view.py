"""Shows advice: for people what to enter where, for programs JSON."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from scanner.cli.advise_recipes import RECIPES
from scanner.cli.cells import GOOD, QUIET
from scanner.cli.prose import indent, pairs
from scanner.explain.advice import POP3_CAUTION, Advice, Setup
from scanner.explain.words import (
    LOGIN_NAMES,
    MODE_NAMES,
    SERVICE_NAMES,
    USER_NAMES,
    name_place,
    tell_state,
    tell_way,
)
from scanner.model import Service, TargetFinding
from scanner.model.ports import Preference
from scanner.model.record import Record
from scanner.verdict.recommendation import Choice, Way, is_legacy

_TASKS = {Service.SUBMISSION: "To send", Service.IMAP: "To read", Service.POP3: "Where POP3 is needed"}
_STOPGAP = {True: "legacy, for the time being only", False: "an unusual port, for the time being only"}


def build_advice(advice: Advice, findings: Sequence[TargetFinding]) -> Iterator[RenderableType]:
    """Yield what to enter for a domain."""
    whose = f"  {advice.provider.name}" if advice.provider is not None else ""
    yield Text.assemble(
        (advice.domain, "bold"), (whose, QUIET), (f"  for {advice.wish.purpose.value}", QUIET)
    )
    for finding in findings:
        if finding.detail:
            yield indent(Text(finding.detail, "yellow"))
    for service, settings in _shown(advice):
        yield Text("")
        yield from _build_service(advice, service, settings)
    yield Text("")
    yield indent(pairs(("·", Text(line, QUIET)) for line in RECIPES[advice.wish.purpose]))


def _shown(advice: Advice) -> Iterator[tuple[Service, Setup]]:
    """Yield the services that the wish is about: POP3 beside IMAP only where it is there."""
    for service, settings in advice.services.items():
        is_extra = service not in advice.wanted
        if not is_extra or (advice.wish.purpose.reads and settings.choice.way is not None):
            yield service, settings


def _build_service(advice: Advice, service: Service, settings: Setup) -> Iterator[RenderableType]:
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
    yield from _build_rest(choice)


def _rows(advice: Advice, way: Way, settings: Setup) -> list[tuple[str, RenderableType]]:
    credential = settings.credential
    ways = credential.ways if credential is not None else ()
    said = "" if advice.is_user_name_known else " (usual; it cannot be measured)"
    why = _tell_preference(advice, way) if way.service is Service.SUBMISSION else ""
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


def _tell_preference(advice: Advice, way: Way) -> str:
    taste = advice.taste
    if taste.preference is not None:
        return f"policy.submission_preference is {taste.preference.value}"
    if (way.host, way.port) in taste.order:
        return "the provider's own order counts, since policy.submission_preference is not set"
    return f"{Preference.STARTTLS.value} comes first, since policy.submission_preference is not set"


def _build_rest(choice: Choice) -> Iterator[RenderableType]:
    """Yield what else there is: other ways, a stopgap, what fails, what was not measured."""
    if choice.others:
        others = ", ".join(
            f"{name_place(way.host, way.port)} {MODE_NAMES[way.tls_mode]}" for way in choice.others
        )
        yield indent(Text(f"works too: {others}", QUIET))
    if choice.stopgap is not None:
        way = choice.stopgap
        place = f"{name_place(way.host, way.port)} {MODE_NAMES[way.tls_mode]}"
        yield indent(Text(f"works: {place} ({_STOPGAP[is_legacy(way.port)]})", "yellow"))
    elif choice.way is None and not choice.is_refused:
        yield indent(Text("working alternative: none found", "yellow"))
    for way in choice.failing:
        place = f"{name_place(way.host, way.port)} {MODE_NAMES[way.tls_mode]}"
        yield indent(Text(f"not {place}: {tell_state(way.best)}", "yellow" if choice.way is None else QUIET))
    for way in choice.between_servers:
        place = name_place(way.host, way.port)
        yield indent(Text(f"not {place}: it is named for mail programs, and 25 is between servers", "yellow"))
    if choice.unmeasured:
        places = dict.fromkeys(name_place(member.key[0], member.key[2]) for member in choice.unmeasured)
        yield indent(Text(f"not measured, so not recommended: {', '.join(places)}", QUIET))
    yield from (indent(Text(line, "yellow")) for line in _tell_absence(choice))


def _tell_absence(choice: Choice) -> Iterator[str]:
    name = SERVICE_NAMES[choice.service]
    if choice.is_refused:
        yield f"the domain publishes that it does not offer {name}"
    elif choice.is_lost:
        yield f"servers for {name} are named, and none of them is in the DNS"
    elif choice.way is None and not (choice.failing or choice.between_servers or choice.unmeasured):
        yield f"no server for {name} is known; name its host: mailport scan HOST"


def advice_to_json(advice: Advice, findings: Sequence[TargetFinding]) -> Record:
    """Return advice as plain values."""
    return {
        "kind": "advice",
        "domain": advice.domain,
        "purpose": advice.wish.purpose.value,
        "provider": None if advice.provider is None else advice.provider.id,
        "complete": advice.is_complete,
        "recommended": advice.is_met,
        "submission_preference": None if advice.taste.preference is None else advice.taste.preference.value,
        "user_name": {"form": advice.user_name.value, "by_provider": advice.is_user_name_known},
        "wanted": [service.value for service in advice.wanted],
        "services": {
            service.value: _service_to_json(settings) for service, settings in advice.services.items()
        },
        "caution": advice.caution,
        "notes": list(RECIPES[advice.wish.purpose]),
        "findings": [finding.detail for finding in findings if finding.detail],
    }


def _service_to_json(settings: Setup) -> Record:
    choice, credential = settings.choice, settings.credential
    return {
        "use": None if choice.way is None else _way_to_json(choice.way),
        "credentials": [] if credential is None else [way.value for way in credential.ways],
        "credentials_by_provider": credential is not None and credential.is_by_provider,
        "mechanisms": None if credential is None or credential.offered is None else list(credential.offered),
        "others": [_way_to_json(way) for way in choice.others],
        "working_alternative": None if choice.stopgap is None else _stopgap_to_json(choice.stopgap),
        "failing": [_way_to_json(way) | {"why": tell_state(way.best)} for way in choice.failing],
        "between_servers": [_way_to_json(way) for way in choice.between_servers],
        "not_measured": [name_place(member.key[0], member.key[2]) for member in choice.unmeasured],
        "not_offered": choice.is_refused,
    }


def _stopgap_to_json(way: Way) -> Record:
    return _way_to_json(way) | {"label": _STOPGAP[is_legacy(way.port)]}


def _way_to_json(way: Way) -> Record:
    return {
        "host": way.host,
        "port": way.port,
        "tls_mode": way.tls_mode.value,
        "source": way.source.value,
        "level": max(seen.level for seen in way.seen),
        "addresses": [seen.endpoint.address for seen in way.seen],
    }
