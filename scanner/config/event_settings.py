"""The section `events`: whom to tell of changes, beside the log."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator

from scanner.config import values
from scanner.config.problem import describe_value
from scanner.config.section import Section
from scanner.model.target import TargetError, normalise_host
from scanner.model.verdict import Severity

_URL = re.compile(
    r"https?://(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::(?P<port>[0-9]{1,5}))?(?:[/?][!-\"$-~]*)?"
)
_WANTED = "must be a web address such as https://hooks.example.org/mailport"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]{0,4000}[!-~])?")
_OURS = frozenset({"host", "content-length", "content-type", "connection", "transfer-encoding"})
_SEVERITIES = tuple(severity.label for severity in Severity)


def _read_webhook(value: object) -> str:
    """Read the address of a webhook; no error repeats it, since many hold a secret."""
    match = _URL.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        has_user = isinstance(value, str) and "@" in value.partition("://")[2].partition("/")[0]
        hint = "; a user and password go into webhook_headers, as Authorization" if has_user else ""
        given = "" if isinstance(value, str) else f" (got {describe_value(value)})"
        raise ValueError(f"{_WANTED}{given}{hint}")
    if match["port"] is not None and not 1 <= int(match["port"]) <= 65535:
        raise ValueError(f"the port must be a number from 1 to 65535, not {match['port']}")
    try:
        normalise_host(match["host"].removeprefix("[").removesuffix("]"))
    except TargetError as error:
        raise ValueError(str(error)) from None
    return match[0]


def _read_headers(value: object) -> Mapping[str, str]:
    """Read header lines; no error repeats a value."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a section with a header a line (got {describe_value(value)})")  # noqa: TRY004 - as all readers
    for name, text in value.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{describe_value(name)} is no name of a header")
        if name.lower() in _OURS:
            raise ValueError(f"{name} is set by mailport itself; remove it")
        if not isinstance(text, str) or not _HEADER_VALUE.fullmatch(text):
            raise ValueError(f"{name} must be one line of ASCII text; put a number in quotes")
    return {str(name): str(text) for name, text in value.items()}


class EventSettings(Section):
    """Where events go beside the log and the store."""

    webhook: Annotated[str | None, BeforeValidator(values.optional(_read_webhook))] = None
    """Each event is POSTed there as JSON; None = nowhere."""
    webhook_headers: Annotated[Mapping[str, str], BeforeValidator(_read_headers)] = {}
    """Sent with each, such as Authorization."""
    stdout: Annotated[bool, BeforeValidator(values.read_switch)] = False
    """Whether each event is written to standard output, as a line of JSON."""
    severity: Annotated[str, BeforeValidator(values.one_of(*_SEVERITIES))] = "warning"
    """Only events of this weight or worse."""

    @property
    def least(self) -> Severity:
        """The least severity that is told."""
        return Severity[self.severity.upper()]
