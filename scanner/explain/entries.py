"""The table of explanations and of ports, read from the YAML files beside this one and checked."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from scanner.config.document import DocumentError, KeyPath, read_document
from scanner.config.problem import ConfigError, Problem

_FILES = ("network.yml", "tls.yml", "certificates.yml", "sign_in.yml", "delivery.yml", "settings.yml")
_Text = Annotated[str, StringConstraints(min_length=3, max_length=600)]
_Item = TypeVar("_Item")
_CODE = re.compile(r"[245][0-9]{2}|(?:[245][0-9]{2} )?[245]\.[0-9]{1,3}\.[0-9]{1,3}|\[[A-Z/-]+\]")


class Complaint(StrEnum):
    """The three complaints that users come with most."""

    TIMEOUT = "timeout"
    AUTHENTICATION = "authentication"
    SYNC = "sync"


class _Part(BaseModel):
    """A frozen part of the tables that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cause(_Part):
    """One thing that may be behind an error, how it is told from the others, and how it is mended."""

    cause: _Text
    tell: _Text
    mend: _Text


class Explanation(_Part):
    """What one kind of error means; the likeliest cause comes first."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{2,40}$")]
    title: _Text
    rank: Annotated[int, Field(ge=1, le=3)] = 2
    """How much its phrases tell: 1 that something failed, 2 what failed, 3 why."""
    complaint: Complaint | None = None
    says: tuple[Annotated[str, StringConstraints(min_length=3, max_length=90)], ...]
    """Phrases of messages, in lower case; `*` stands for up to 80 characters."""
    codes: tuple[str, ...] = ()
    """Reply codes as "535", "5.7.8" or "535 5.7.8", and response codes as "[AUTH]"."""
    means: _Text
    causes: Annotated[tuple[Cause, ...], Field(min_length=1)]
    reference: _Text | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        for phrase in self.says:
            if phrase != " ".join(phrase.lower().split()):
                raise ValueError(f"says: {phrase!r} must be in lower case, with single spaces")
        for code in self.codes:
            if not _CODE.fullmatch(code):
                raise ValueError(f'codes: {code!r} must be as "535", "5.7.8", "535 5.7.8" or "[AUTH]"')
        return self


class PortFacts(_Part):
    """What people should know of one port."""

    port: Annotated[int, Field(ge=1, le=65535)]
    name: _Text
    protocol: str | None = None
    """None where the port table has it."""
    tls: str | None = None
    """`starttls`, `implicit` or `none`; None where the port table has it."""
    purpose: _Text
    users: _Text
    security: _Text
    risk: _Text | None = None
    """What happens to those who use it all the same."""
    advice: _Text


_EXPLANATIONS = TypeAdapter(tuple[Explanation, ...])
_PORTS = TypeAdapter(tuple[PortFacts, ...])


@lru_cache(maxsize=1)
def read_explanations() -> tuple[Explanation, ...]:
    """Read all explanations; once, since they never change while mailport runs."""
    found: list[Explanation] = []
    for name in _FILES:
        text = files("scanner.explain").joinpath(name).read_text("utf-8")
        found += parse_explanations(text, source=name)
    problems = list(_find_doubles(found))
    if problems:
        raise ConfigError(Problem("explanations", None, "", message) for message in problems)
    return tuple(found)


@lru_cache(maxsize=1)
def read_ports() -> dict[int, PortFacts]:
    """Read what is known of ports, by number."""
    name = "ports.yml"
    text = files("scanner.explain").joinpath(name).read_text("utf-8")
    return {facts.port: facts for facts in _read(text, name, "ports", _PORTS)}


def parse_explanations(text: str, *, source: str) -> Sequence[Explanation]:
    """Read explanations from the text of a file.

    Raises:
        ConfigError: with everything that is wrong, each with its line.
    """
    return _read(text, source, "explanations", _EXPLANATIONS)


def _read(text: str, source: str, key: str, adapter: TypeAdapter[tuple[_Item, ...]]) -> tuple[_Item, ...]:
    try:
        document = read_document(text, {})
    except DocumentError as error:
        raise ConfigError([Problem(source, error.line, "", str(error))]) from None
    if document.problems:
        raise ConfigError(Problem(source, line, _write(path), why) for path, line, why in document.problems)
    values = document.value
    if not isinstance(values, dict) or set(values) != {key}:
        raise ConfigError([Problem(source, 1, "", f"must be one section, {key}:, with a list")])
    try:
        return adapter.validate_python(values[key])
    except ValidationError as error:
        raise ConfigError(
            Problem(source, document.line_of((key, *item["loc"])), _write((key, *item["loc"])), item["msg"])
            for item in error.errors(include_url=False)
        ) from None


def _write(path: KeyPath) -> str:
    return ".".join(str(part) for part in path)


def _find_doubles(entries: Sequence[Explanation]) -> Iterator[str]:
    """Tell which id, phrase or code stands in two entries: it could not be told which one is meant."""
    seen: dict[str, str] = {}
    for entry in entries:
        for word in (f"id {entry.id}", *entry.says, *entry.codes):
            if word in seen:
                yield f"{word!r} is in {seen[word]} and in {entry.id}; keep one of the two"
            seen.setdefault(word, entry.id)
