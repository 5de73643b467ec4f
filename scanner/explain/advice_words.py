"""Says why a port was chosen, and why nothing is recommended: the same words wherever advice is shown."""

from collections.abc import Iterator

from scanner.explain.advice import Advice
from scanner.explain.advice_record import STOPGAP
from scanner.explain.words import MODE_NAMES, SERVICE_NAMES, name_place, tell_state
from scanner.model.ports import Preference
from scanner.verdict.recommendation import Choice, Way, is_legacy


def tell_preference(advice: Advice, way: Way) -> str:
    """Say what decided between the ports for sending."""
    taste = advice.taste
    if taste.preference is not None:
        return f"policy.submission_preference is {taste.preference.value}"
    if (way.host, way.port) in taste.order:
        return "the provider's own order counts, since policy.submission_preference is not set"
    return f"{Preference.STARTTLS.value} comes first, since policy.submission_preference is not set"


def tell_others(choice: Choice) -> str:
    """Name what works as well."""
    return ", ".join(f"{name_place(way.host, way.port)} {MODE_NAMES[way.tls_mode]}" for way in choice.others)


def tell_stopgap(choice: Choice) -> str | None:
    """Say what does for the time being, where nothing is recommended; None where nothing is needed."""
    if choice.stopgap is not None:
        way = choice.stopgap
        place = f"{name_place(way.host, way.port)} {MODE_NAMES[way.tls_mode]}"
        return f"works: {place} ({STOPGAP[is_legacy(way.port)]})"
    if choice.way is None and not choice.is_refused:
        return "working alternative: none found"
    return None


def tell_failing(choice: Choice) -> Iterator[str]:
    """Say of each server that was measured and does not fit what is wrong with it."""
    for way in choice.failing:
        yield f"not {name_place(way.host, way.port)} {MODE_NAMES[way.tls_mode]}: {tell_state(way.best)}"


def tell_between_servers(choice: Choice) -> Iterator[str]:
    """Say what is named for mail programs and is not for them."""
    for way in choice.between_servers:
        place = name_place(way.host, way.port)
        yield f"not {place}: it is named for mail programs, and 25 is between servers"


def tell_unmeasured(choice: Choice) -> Iterator[str]:
    """Name what is not known well enough."""
    if choice.unmeasured:
        places = dict.fromkeys(name_place(member.key[0], member.key[2]) for member in choice.unmeasured)
        yield f"not measured, so not recommended: {', '.join(places)}"


def tell_absence(choice: Choice, *, has_excluded: bool) -> Iterator[str]:
    """Say why there is no server at all, where there is none.

    Args:
        has_excluded: whether some of the domain's servers are on the exclude list.
    """
    name = SERVICE_NAMES[choice.service]
    if choice.is_refused:
        yield f"the domain publishes that it does not offer {name}"
    elif choice.is_lost:
        yield f"servers for {name} are named, and none of them is in the DNS"
    elif choice.way is None and not (choice.failing or choice.between_servers or choice.unmeasured):
        if has_excluded:
            yield f"no server for {name} is known beside those on the exclude list"
        else:
            yield f"no server for {name} is known; name its host: mailport scan HOST"
