"""What to set up for sending and reading, as the page of a domain shows it: the advice, in rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from scanner.explain.advice import Advice, Setup
from scanner.explain.advice_words import (
    tell_absence,
    tell_between_servers,
    tell_failing,
    tell_preference,
    tell_stopgap,
    tell_unmeasured,
)
from scanner.explain.words import LOGIN_NAMES, MODE_NAMES, USER_NAMES
from scanner.model import Service
from scanner.model.observation import Key
from scanner.verdict.recommendation import Choice

_PURPOSES = {
    Service.SUBMISSION: "Sending",
    Service.IMAP: "Reading by IMAP",
    Service.POP3: "Reading by POP3",
}
MOST_REASONS = 6
"""Of a domain with many servers of which none fits; the table of the services has them all."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What to enter into a mail program for one purpose, and what was measured there."""

    purpose: str
    host: str
    port: int
    security: str
    login: str
    """What one signs in with; empty where nothing tells."""
    key: Key
    """The endpoint that speaks for it."""
    why: str
    """What decided between several; empty where there was nothing to decide."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A purpose for which nothing is recommended, and why."""

    purpose: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recommended:
    """All that is to be entered, and what could not be recommended."""

    settings: tuple[Setting, ...]
    lacks: tuple[Lack, ...]
    user_name: str
    is_user_name_known: bool
    caution: str | None


def recommend(advice: Advice, *, has_excluded: bool = False) -> Recommended:
    """Return advice as rows; `has_excluded` where some of the servers are on the exclude list."""
    setups = advice.services.items()
    return Recommended(
        tuple(_describe(advice, setup) for _, setup in setups if setup.choice.way is not None),
        tuple(
            Lack(
                _PURPOSES[service],
                tuple(islice(_tell_lack(setup.choice, has_excluded=has_excluded), MOST_REASONS)),
            )
            for service, setup in setups
            if setup.choice.way is None and (service in advice.wanted or _is_named(setup.choice))
        ),
        USER_NAMES[advice.user_name],
        advice.is_user_name_known,
        advice.caution,
    )


def _describe(advice: Advice, setup: Setup) -> Setting:
    way = setup.choice.way
    if way is None:
        raise LookupError(f"nothing is recommended for {setup.choice.service}")
    ways = setup.credential.ways if setup.credential is not None else ()
    has_choice = way.service is Service.SUBMISSION and bool(setup.choice.others)
    return Setting(
        purpose=_PURPOSES[way.service],
        host=way.host,
        port=way.port,
        security=MODE_NAMES[way.tls_mode],
        login=", or ".join(LOGIN_NAMES[each] for each in ways),
        key=way.best.endpoint.key,
        why=tell_preference(advice, way) if has_choice else "",
    )


def _is_named(choice: Choice) -> bool:
    """Whether there are servers for it at all."""
    return bool(choice.failing or choice.between_servers or choice.unmeasured or choice.stopgap)


def _tell_lack(choice: Choice, *, has_excluded: bool) -> Iterator[str]:
    yield from tell_absence(choice, has_excluded=has_excluded)
    if choice.stopgap is not None and (words := tell_stopgap(choice)) is not None:
        yield words
    yield from tell_failing(choice)
    yield from tell_between_servers(choice)
    yield from tell_unmeasured(choice)
