"""Reads where the store is: the file of an SQLite database, or a PostgreSQL database by URL."""

import re
from pathlib import Path

from pydantic import ValidationInfo

from scanner.config.files import FileProblemError, read_file
from scanner.config.problem import describe_value
from scanner.model.target import escape

SQLITE = "sqlite:///"
_POSTGRESQL = re.compile(
    r"postgresql://(?:(?P<user>[^\s:@/?#]+)(?::(?P<password>[^\s@/?#]*))?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:@/?#\[\]]*)(?::(?P<port>[0-9]{1,5}))?"
    r"/(?P<database>[^\s/?#]+)(?:\?(?P<options>[^\s#]*))?"
)
_OPTIONS = frozenset(
    {
        *("host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs"),
        *("connect_timeout", "application_name", "options"),
    }
)
_USER_INFO = re.compile(r"://.*@")
_WANTED = 'must be "sqlite:///FILE" or "postgresql://USER@HOST/DATABASE", or false to keep nothing'
_LONGEST_PASSWORD = 1000


def read_store_url(value: object, info: ValidationInfo) -> str | None:
    """Read the URL of a store; a file's path is relative to the configuration. No error shows a password."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _unfit(value)
    if value.startswith("sqlite:"):
        return _read_sqlite(value, info.context or Path())
    match = _POSTGRESQL.fullmatch(value)
    if match is None:
        raise _unfit(value)
    if match["port"] is not None and not 1 <= int(match["port"]) <= 65535:
        raise ValueError(f"the port must be a number from 1 to 65535, not {match['port']}")
    _check_options(match["options"])
    if not match["host"] and "host=" not in (match["options"] or ""):
        raise ValueError(
            "there is no host; write it behind the //, or a socket's folder as ?host=/run/postgresql"
        )
    return match[0]


def read_password_file(value: object, info: ValidationInfo) -> Path | None:
    """Read the path of a file, relative to the configuration, and check that there is a password in it."""
    if value is None:
        return None
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError(f"must be the path of a file with the password (got {describe_value(value)})")
    path: Path = (info.context or Path()) / value
    try:
        password = read_password(path)
    except FileProblemError as error:
        raise ValueError(f"cannot read {escape(str(path))}: {error}") from None
    if not password or "\n" in password or len(password) > _LONGEST_PASSWORD:
        raise ValueError(f"{escape(str(path))} must hold the password and nothing else, in one line")
    return path


def read_password(path: Path) -> str:
    """Return the password in a file, without the line ending; raise `FileProblemError`."""
    return read_file(path).rstrip("\r\n")


def has_password(url: str) -> bool:
    """Whether a URL holds a password."""
    match = _POSTGRESQL.fullmatch(url)
    return match is not None and match["password"] is not None


def _read_sqlite(value: str, base: Path) -> str:
    name = value.removeprefix(SQLITE)
    if not value.startswith(SQLITE) or not name or name.startswith(":"):
        raise _unfit(value)
    if not name.isprintable() or name.endswith("/") or re.search(r"[?#]", name):
        raise ValueError(f"must name a file, without ? and # (got {describe_value(value)})")
    return f"{SQLITE}{base / name}"


def _check_options(options: str | None) -> None:
    for option in (options or "").split("&") if options else ():
        name = option.partition("=")[0]
        if name in {"password", "passfile"}:
            raise ValueError("a password cannot stand behind the ?; use password_file")
        if name not in _OPTIONS:
            known = ", ".join(sorted(_OPTIONS))
            raise ValueError(f"unknown option {describe_value(name)} behind the ?; known: {known}")


def _unfit(value: object) -> ValueError:
    """Make the error for what is no URL of a store, with its user and password left out."""
    hint = ""
    if isinstance(value, str):
        if value.startswith(("postgres://", "postgresql+")):
            hint = "; the scheme is postgresql://"
        elif "@" in value.partition("@")[2]:
            hint = "; write an @ in a password as %40, or use password_file"
        value = _USER_INFO.sub("://***@", value)
    return ValueError(f"{_WANTED} (got {describe_value(value)}{hint})")
