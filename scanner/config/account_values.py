"""Readers of the single values of an account: its servers, its user, the command that prints a token."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationInfo

from scanner.config.problem import describe_value
from scanner.config.values import join_host_port
from scanner.model.account import AccountTls, Activity
from scanner.model.ports import PORTS
from scanner.model.target import TargetError, escape, normalise_host

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_SERVER = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]\s]+):(?P<port>[0-9]{1,5})(?::(?P<mode>[a-z/]+))?")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?P<domain>[^@\s<>]{1,253})")
_MODES = {
    "starttls": AccountTls.STARTTLS,
    **dict.fromkeys(("implicit", "ssl", "tls", "ssl/tls"), AccountTls.IMPLICIT),
    "none": AccountTls.NONE,
}
_LONGEST = 512
_MOST_ARGUMENTS = 64


@dataclass(frozen=True, slots=True)
class AccountServer:
    """Where an account signs in."""

    host: str
    """Lower-case A-labels, or an IP address without brackets."""
    port: int
    tls_mode: AccountTls

    def __str__(self) -> str:
        return f"{join_host_port(self.host, self.port)}:{self.tls_mode}"


def read_name(value: object) -> str:
    """Read the name of an account: it labels metrics, so it is short and plain."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(
            "must be a short name such as support, of letters, digits and . _ - @ + "
            f"(got {describe_value(value)})"
        )
    return str(value)


def read_user(value: object) -> str:
    """Read a user name: one line, no control characters (RFC 4616 section 2 forbids NUL)."""
    if not isinstance(value, str) or not value.isprintable() or not value.strip() or len(value) > _LONGEST:
        raise ValueError(
            "must be the user name to sign in as, mostly the full address such as jane@example.org "
            f"(got {describe_value(value)})"
        )
    return str(value)


def read_address(value: object) -> str:
    """Read a mail address of the plain kind, without quotes (RFC 5321 section 4.1.2, Dot-string)."""
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"must be a mail address such as jane@example.org (got {describe_value(value)})")
    local, _, domain = match[0].partition("@")
    try:
        return f"{local}@{normalise_host(domain)}"
    except TargetError as error:
        raise ValueError(f"must be a mail address such as jane@example.org: {error}") from None


def read_variable(value: object) -> str:
    """Read the name of an environment variable; a value that is none may be the password: not repeated."""
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        raise ValueError(
            "must be the name of an environment variable, such as SUPPORT_PASSWORD, without $ and braces"
        )
    return str(value)


def read_secret_path(value: object, info: ValidationInfo) -> Path:
    """Read the path of a file with a secret, relative to the configuration. The file may come later."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value) or "\n" in str(value):
        raise ValueError(f"must be the path of a file with the password (got {_kind(value)})")
    return (info.context or Path()) / value


def read_command(value: object) -> tuple[str, ...]:
    """Read a program and its arguments; no shell sees them. No error repeats an argument."""
    wanted = "must be a list: a program by its full path, and its arguments"
    if isinstance(value, str):
        raise ValueError(f"{wanted}; no shell splits it, so write [/usr/local/bin/token, support]")  # noqa: TRY004 - as all readers
    if not isinstance(value, list | tuple) or not value or len(value) > _MOST_ARGUMENTS:
        raise ValueError(f"{wanted} (got {_kind(value)})")
    if not all(isinstance(part, str) and part and "\0" not in part for part in value):
        raise ValueError(f"{wanted}; put numbers in quotes")
    if not str(value[0]).startswith("/"):
        raise ValueError(f"{wanted}; {escape(str(value[0])[:60])} has no full path")
    return tuple(map(str, value))


def server_reader(activity: Activity) -> Callable[[object], str | bool | None]:
    """Make a reader of a server: HOST:PORT[:MODE], true = find it, false = do not check this."""

    def read(value: object) -> str | bool | None:
        if value is None or isinstance(value, bool):
            return value
        if not isinstance(value, str):
            raise ValueError(f"must be HOST:PORT, true or false (got {describe_value(value)})")  # noqa: TRY004 - as all readers
        return str(parse_server(value, activity))

    return read


def parse_server(text: str, activity: Activity) -> AccountServer:
    """Read HOST:PORT or HOST:PORT:MODE; the mode of a mail port is known. Raise `ValueError`."""
    match = _SERVER.fullmatch(text) if len(text) <= _LONGEST else None
    wanted = f"must be HOST:PORT or HOST:PORT:MODE, with starttls, ssl or none (got {describe_value(text)})"
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise ValueError(wanted)
    host = normalise_host(match["host"].removeprefix("[").removesuffix("]"))
    port = int(match["port"])
    row = PORTS.get(port)
    if row is not None and row.protocol.value != activity.value:
        raise ValueError(f"port {port} is for {row.protocol}, not for {activity}; check the port and the key")
    if match["mode"] is not None:
        if match["mode"] not in _MODES:
            raise ValueError(wanted)
        return AccountServer(host, port, _MODES[match["mode"]])
    if row is None:
        raise ValueError(f"say how port {port} is encrypted: {text}:starttls or {text}:ssl")
    return AccountServer(host, port, AccountTls(row.tls_mode.value))


def _kind(value: object) -> str:
    """Name the kind of a value and not the value."""
    return "nothing" if value is None or value == "" else "something else"


def optional_path(value: object, info: ValidationInfo) -> Path | None:
    """Let null through, for "not given"."""
    return None if value is None else read_secret_path(value, info)


def read_folder(value: object) -> str:
    """Read the name of a mailbox folder."""
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _LONGEST:
        raise ValueError(f"must be the name of a folder such as INBOX (got {describe_value(value)})")
    return str(value)
