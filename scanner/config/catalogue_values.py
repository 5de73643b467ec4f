"""Readers of the single values in a provider's entry; each returns what the program uses, or raises."""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import TypeVar

from pydantic import BeforeValidator

from scanner.config.problem import describe_value
from scanner.config.values import list_of, one_of, read_port
from scanner.model.ports import PORTS
from scanner.model.published import Service
from scanner.model.record import schema
from scanner.model.target import normalise_host

CLIENT_SERVICES = (Service.SUBMISSION, Service.IMAP, Service.POP3)
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_TEXT = 1000
_Item = TypeVar("_Item")


def read_id(value: object) -> str:
    """Read the short name of an entry."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError(f"must be a short name of a-z, 0-9 and hyphens (got {describe_value(value)})")
    return str(value)


def read_text(value: object) -> str:
    """Read a text for people."""
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_TEXT:
        raise ValueError(
            f"must be a text of at most {_LONGEST_TEXT} characters (got {describe_value(value)})"
        )
    return str(value)


def read_host(value: object) -> str:
    """Read the name or the address of a server."""
    if not isinstance(value, str):
        raise ValueError(f"must be a host name (got {describe_value(value)})")  # noqa: TRY004
    return normalise_host(value)


def read_domain(value: object) -> str:
    """Read a domain of at least two labels; an address is none."""
    host = read_host(value)
    if "." not in host or ":" in host or host.rpartition(".")[2].isdigit():
        raise ValueError(f"must be a domain such as example.org (got {describe_value(value)})")
    return host


def read_day(value: object) -> date:
    """Read a day of the calendar (ISO 8601)."""
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise ValueError(f"must be a day such as 2026-03-12 (got {describe_value(value)})")


def read_absent(value: object) -> int | Service:
    """Read what is not offered: a service for clients, or a mail port."""
    try:
        return Service(one_of(*CLIENT_SERVICES)(value))
    except ValueError:
        try:
            return read_port(value)
        except ValueError:
            known = ", ".join((*CLIENT_SERVICES, *map(str, PORTS)))
            raise ValueError(f"must be one of {known} (got {describe_value(value)})") from None


def read_verdict(value: object) -> str:
    """Read the id of a verdict."""
    known = _verdict_ids()
    if not isinstance(value, str) or value not in known:
        raise ValueError(
            f"must be the id of a verdict, such as auth_before_tls (got {describe_value(value)})"
        )
    return str(value)


@lru_cache(maxsize=1)
def _verdict_ids() -> frozenset[str]:
    return frozenset(schema()["$defs"]["verdict"]["properties"]["id"]["enum"])


def check_list(value: object) -> object:
    """Refuse what is neither a list nor null."""
    if value is not None and not isinstance(value, list | tuple):
        raise ValueError(f"must be a list (got {describe_value(value)})")
    return value


LIST_OR_NOTHING = BeforeValidator(lambda value: () if value is None else check_list(value))
"""Takes a list of sections; null, as a key without a value gives, is an empty one."""


def optional(read: Callable[[object], _Item]) -> BeforeValidator:
    """Let null through, for "not given"."""
    return BeforeValidator(lambda value: None if value is None else read(value))


def some(read: Callable[[object], _Item]) -> BeforeValidator:
    """Take a list, an empty one too, or null."""
    return optional(list_of(read, may_be_empty=True))
