"""Reads the texts of MTA-STS: the TXT record and the policy file (RFC 8461 sections 3.1 and 3.2)."""

import re
from collections.abc import Iterable

from scanner.model import StsMode, StsPolicy
from scanner.model.target import TargetError, normalise_host, quote

MAX_AGE = 31_557_600
"""The longest life of a policy in seconds: about a year."""

_RECORD_START = re.compile(r"v=STSv1[ \t]*;")
_DELIMITER = re.compile(r"[ \t]*;[ \t]*")
_ID = re.compile(r"id=([A-Za-z0-9]{1,32})")
_EXTENSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[\x21-\x3a\x3c\x3e-\x7e]+")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_MX = re.compile(r"(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_SECONDS = re.compile(r"[0-9]{1,10}")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def read_record(texts: Iterable[bytes]) -> str | None:
    """Return the policy id out of the TXT records of `_mta-sts` and the domain; None for no valid record.

    Records that do not begin with `v=STSv1;` do not count; of the others there must be exactly one.
    """
    announced = _announced(texts)
    return _read_id(announced[0]) if len(announced) == 1 else None


def explain_record(texts: Iterable[bytes]) -> str | None:
    """Say why records that announce a policy give no id; None where they do, or announce nothing."""
    announced = _announced(texts)
    if len(announced) > 1:
        return f"{len(announced)} TXT records begin with v=STSv1; there must be one"
    if announced and _read_id(announced[0]) is None:
        return f"the TXT record {quote(announced[0])} is not of the form v=STSv1; id=20260101T000000;"
    return None


def read_policy(body: bytes) -> StsPolicy | str:
    """Read a policy file; a text says what is wrong with it.

    Lines end with LF or CRLF, unknown fields are passed over, and of a field that comes twice the first
    counts, but for `mx`.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1} is not UTF-8"
    fields: dict[str, str] = {}
    patterns: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")  # noqa: PLW2901 - the line without its end
        key, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not line.strip(" \t"):
            continue
        if not colon or not _KEY.fullmatch(key) or _CONTROL.search(value):
            return f'line {number} is not of the form "key: value": {quote(line)}'
        if key != "mx":
            fields.setdefault(key, value)
            continue
        pattern = _read_pattern(value)
        if pattern is None:
            return f"line {number}: {quote(value)} is neither a host name nor *. and a domain"
        patterns[pattern] = None
    return _make_policy(fields, tuple(patterns))


def _make_policy(fields: dict[str, str], patterns: tuple[str, ...]) -> StsPolicy | str:
    for key in ("version", "mode", "max_age"):
        if key not in fields:
            return f'there is no field "{key}"'
    if fields["version"] != "STSv1":
        return f"the version is {quote(fields['version'])}, not STSv1"
    mode = next((mode for mode in StsMode if mode.value == fields["mode"]), None)
    if mode is None:
        return f"the mode is {quote(fields['mode'])}, not enforce, testing or none"
    max_age = fields["max_age"]
    if not _SECONDS.fullmatch(max_age) or int(max_age) > MAX_AGE:
        return f"max_age is {quote(max_age)}, not a number of seconds from 0 to {MAX_AGE}"
    if not patterns and mode is not StsMode.NONE:
        return f'the mode is {mode.value}, and there is no field "mx"'
    return StsPolicy(mode, patterns, int(max_age))


def _read_pattern(value: str) -> str | None:
    """Return a pattern in lower case; None for what is none, an IP address too."""
    if not _MX.fullmatch(value):
        return None
    star, host = ("*.", value[2:]) if value.startswith("*.") else ("", value)
    try:
        name = normalise_host(host)
    except TargetError:
        return None
    return star + name if not name.replace(".", "").isdigit() else None


def _announced(texts: Iterable[bytes]) -> list[str]:
    decoded = (text.decode("latin-1") for text in texts)
    return [text for text in decoded if _RECORD_START.match(text)]


def _read_id(record: str) -> str | None:
    _, *fields = _DELIMITER.split(record)
    if fields and not fields[-1]:
        fields.pop()  # the last field may be followed by a semicolon
    if not all(_EXTENSION.fullmatch(field) for field in fields):
        return None
    ids = [field for field in fields if field.startswith("id=")]
    found = _ID.fullmatch(ids[0]) if len(ids) == 1 else None
    return None if found is None else found[1]
