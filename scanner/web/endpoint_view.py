"""What the page of an endpoint shows of one probe, worked out of its observation."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from scanner.model import Certificate, Observation
from scanner.web.view import Row, describe

ALL_VERSIONS = ("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3", "SSLv2")
_OLD = frozenset(ALL_VERSIONS[2:])

Change = Literal["same", "new", "gone"]


@dataclass(frozen=True, slots=True)
class Word:
    """A capability, and whether it is there on the other side of TLS too."""

    text: str
    change: Change


@dataclass(frozen=True, slots=True)
class Version:
    """A version of TLS; a mark of a colour, and in words whether the server accepts it."""

    name: str
    mark: str
    words: str


@dataclass(frozen=True, slots=True)
class Detail:
    """An endpoint as its page shows it."""

    row: Row
    before: tuple[Word, ...] | None
    """Capabilities in clear; None where none were told."""
    after: tuple[Word, ...] | None
    versions: tuple[Version, ...]
    validity: float | None
    """How much of the certificate's time is over, 0 to 1."""


def detail_of(seen: Observation, now: datetime) -> Detail:
    """Return what the page shows of an observation."""
    before, after = compare(seen.capabilities, seen.capabilities_tls)
    return Detail(
        row=describe(seen, now),
        before=before,
        after=after,
        versions=tuple(_list_versions(seen)),
        validity=None if seen.certificate is None else _spent(seen.certificate, now),
    )


def compare(
    before: tuple[str, ...] | None, after: tuple[str, ...] | None
) -> tuple[tuple[Word, ...] | None, tuple[Word, ...] | None]:
    """Return both lists with what changed between them; nothing changed where one is not known."""
    if before is None or after is None:
        return _keep(before), _keep(after)
    old, new = ({word.upper() for word in words} for words in (before, after))
    return (
        tuple(Word(word, "same" if word.upper() in new else "gone") for word in before),
        tuple(Word(word, "same" if word.upper() in old else "new") for word in after),
    )


def _keep(words: tuple[str, ...] | None) -> tuple[Word, ...] | None:
    return None if words is None else tuple(Word(word, "same") for word in words)


def _list_versions(seen: Observation) -> Iterable[Version]:
    known = seen.versions
    if known is None:
        return
    for name in ALL_VERSIONS:
        is_accepted = known.get(name)
        if is_accepted is None:
            yield Version(name, "info", "could not be told")
        elif is_accepted:
            yield Version(name, "warn" if name in _OLD else "ok", "accepted")
        else:
            yield Version(name, "none", "not accepted")


def _spent(certificate: Certificate, now: datetime) -> float:
    whole = (certificate.not_after - certificate.not_before).total_seconds()
    gone = (now - certificate.not_before).total_seconds()
    return min(max(gone / whole, 0.0), 1.0) if whole > 0 else 1.0
