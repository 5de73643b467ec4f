"""Readers of single values: each takes what the file says and returns what the program uses, or raises."""

import ipaddress
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from pydantic import ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from scanner.config.document import Substituted
from scanner.config.files import FileProblemError, read_file
from scanner.config.problem import describe_value
from scanner.model.ports import PORTS
from scanner.model.target import TargetError, escape, normalise_host, parse_target

_Item = TypeVar("_Item")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"([0-9.]+)(ms|s|m|h|d)")
_LONGEST = 366 * 86400.0
_LARGEST = 1e9
_VANTAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HELO_NAME = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_WEB_URL = re.compile(
    r"(?P<scheme>(?i:https?))://(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9.{}-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[!-\"$-~]*)?"
)
_HOST_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


def duration(*, at_least: float | None = None) -> Callable[[object], float]:
    """Make a reader of durations in seconds: above 0, or from `at_least` on; never more than a year."""
    wanted = "more than 0" if at_least is None else f"{at_least:g} s or more"

    def read(value: object) -> float:
        seconds = _read_seconds(value)
        if seconds is None:
            raise _unfit(f'a time, {wanted}: seconds, or text such as "30s", "15m", "1h"', value)
        if seconds > _LONGEST:
            raise _unfit("a time of at most a year", value)
        if seconds < at_least if at_least is not None else seconds <= 0:
            raise _unfit(f"a time, {wanted}", value)
        return seconds

    return read


def number(low: float, high: float | None = None) -> Callable[[object], float]:
    """Make a reader of numbers from `low` to `high`."""
    wanted = f"a number, {low:g} or more" if high is None else f"a number from {low:g} to {high:g}"
    limit = _LARGEST if high is None else high

    def read(given: object) -> float:
        value = _resolve(given)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= limit:
            raise _unfit(wanted, value)
        return float(value)

    return read


def whole_number(low: int, high: int) -> Callable[[object], int]:
    """Make a reader of whole numbers from `low` to `high`."""

    def read(given: object) -> int:
        value = _resolve(given)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _unfit(f"a whole number from {low} to {high}", value)
        return value

    return read


def one_of(*choices: str) -> Callable[[object], str]:
    """Make a reader of one word out of a few."""

    def read(value: object) -> str:
        if value not in choices:
            raise _unfit(f"one of {', '.join(choices)}", value)
        return str(value)

    return read


def list_of(
    read_item: Callable[[object], _Item], *, may_be_empty: bool = False
) -> Callable[[object], tuple[_Item, ...]]:
    """Make a reader of lists without doubles, which reports every bad item in its place."""

    def read(value: object) -> tuple[_Item, ...]:
        if not isinstance(value, list | tuple):
            raise _unfit("a list", value)
        if not value and not may_be_empty:
            raise ValueError("must have at least one item; remove the key for the default")
        items: dict[_Item, None] = {}
        wrong: list[InitErrorDetails] = []
        for index, given in enumerate(value):
            try:
                item = read_item(given)
                if item in items:
                    raise ValueError(f"{item} is in the list twice; remove one")  # noqa: TRY301
                items[item] = None
            except ValueError as error:
                reason = PydanticCustomError("list_item", "{reason}", {"reason": str(error)})
                wrong.append(InitErrorDetails(type=reason, loc=(index,), input=given))
        if wrong:
            raise ValidationError.from_exception_data("list", wrong)
        return tuple(items)

    return read


def read_switch(given: object) -> bool:
    """Read true or false."""
    value = _resolve(given)
    if not isinstance(value, bool):
        raise _unfit("true or false", value)
    return value


def optional(read: Callable[[object], _Item]) -> Callable[[object], _Item | None]:
    """Make a reader that also takes null, for "as the program sees fit"."""
    return lambda value: None if value is None else read(value)


def web_url(*, has_domain: bool) -> Callable[[object], str]:
    """Make a reader of web addresses; with `has_domain` they have {domain} in the place of the domain."""
    wanted = "a web address such as https://autoconfig.example.org/v1.1/"
    if has_domain:
        wanted = "a web address with {domain} in it, such as https://autoconfig.{domain}/config.xml"

    def read(value: object) -> str:
        match = _WEB_URL.fullmatch(value) if isinstance(value, str) else None
        if match is None or (has_domain and "{domain}" not in match[0]):
            raise _unfit_text(wanted, value)
        try:
            normalise_host((match["v6"] or match["host"]).replace("{domain}", "example.org"))
        except TargetError:
            raise _unfit_text(wanted, value) from None
        if match["port"] is not None and not 1 <= int(match["port"]) <= 65535:
            raise _unfit_text(wanted, value)
        return match["scheme"].lower() + match[0][match.end("scheme") :]

    return read


def read_port(given: object) -> int:
    """Read one of the seven mail ports."""
    value = _resolve(given)
    if isinstance(value, bool) or not isinstance(value, int) or value not in PORTS:
        raise _unfit(f"one of the mail ports {', '.join(map(str, PORTS))}", value)
    return value


def read_vantage(value: object) -> str:
    """Read the name of the place that the scanner looks from."""
    if not isinstance(value, str) or not _VANTAGE.fullmatch(value):
        raise _unfit_text("a name of at most 63 letters, digits, dots, hyphens and underscores", value)
    return str(value)


def read_target(value: object) -> str:
    """Read a target: a domain, a host, or one port of a host, in any of the forms that `targets` takes."""
    if not isinstance(value, str):
        raise _unfit_text("a target such as example.org or mx.example.org:25", value)
    return str(parse_target(value))


def read_ehlo_name(value: object) -> str:
    """Read the name for EHLO: a host name or an address literal (RFC 5321 section 4.1.1.1, 4.1.3)."""
    wanted = 'a full host name such as probe.example.org, or an address such as "[192.0.2.1]"'
    unfit = _unfit_text(wanted, value)
    if not isinstance(value, str):
        raise unfit
    if value.startswith("[") and value.endswith("]"):
        address = _read_address(re.sub(r"^IPv6:", "", value[1:-1], flags=re.IGNORECASE))
        if address is None:
            raise unfit
        return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
    try:
        name = normalise_host(value)
    except TargetError:
        raise unfit from None
    if not _HELO_NAME.fullmatch(name) or _read_address(name) is not None:
        raise unfit
    return name


def read_source_address(value: object) -> str:
    """Read the address to connect from."""
    address = _read_address(value)
    if address is None:
        raise _unfit_text("an IPv4 or IPv6 address of this machine", value)
    return str(address)


def check_family(value: str, info: ValidationInfo) -> str:
    """Check that the address to connect from is of a family that is probed."""
    family = f"ipv{ipaddress.ip_address(value).version}"
    families = info.data.get("families")
    if families is not None and family not in families:
        raise ValueError(f"{value} is of the family {family}, but families has only {', '.join(families)}")
    return value


def read_nameserver(value: object) -> str:
    """Read IP, IP:PORT or [IPv6]:PORT; the port is 53 unless said. Always returns it with its port."""
    host, port = split_host_port(value)
    if port is None:
        host, port = re.sub(r"^\[(.*:.*)\]$", r"\1", str(value)), 53
    address = _read_address(host)
    if address is None or not port:
        raise _unfit_text("the address of a resolver: IP, IP:PORT or [IPv6]:PORT", value)
    return join_host_port(str(address), port)


def read_listen(value: object) -> str:
    """Read HOST:PORT to listen on; no host means all IPv4 addresses, port 0 means any free one."""
    host, port = split_host_port(value)
    try:
        host = normalise_host(host or "0.0.0.0")  # noqa: S104
    except TargetError:
        port = None
    if port is None:
        raise _unfit_text('HOST:PORT, for example "0.0.0.0:9587" or "[::1]:9587"', value)
    return join_host_port(host, port)


def read_ca_file(value: object, info: ValidationInfo) -> Path:
    """Read the path of a PEM file with certificates, relative to the configuration; check the file."""
    if not isinstance(value, str | Path) or not str(value):
        raise _unfit_text("the path of a PEM file", value)
    path: Path = (info.context or Path()) / value
    try:
        text = read_file(path)
    except FileProblemError as error:
        raise ValueError(f"cannot read {escape(str(path))}: {error}") from None
    try:
        x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValueError(
            f"{escape(str(path))} has no readable certificate; "
            "it must be a PEM file (-----BEGIN CERTIFICATE-----)"
        ) from None
    return path


def split_host_port(value: object) -> tuple[str, int | None]:
    """Split HOST:PORT or [IPv6]:PORT; the port is None where the text is something else."""
    match = _HOST_PORT.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > 65535:
        return "", None
    return match["v6"] or match["host"] or "", int(match["port"])


def join_host_port(host: str, port: int) -> str:
    """Write HOST:PORT, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolve(value: object) -> object:
    """Return what a text with something from the environment means where no text is wanted."""
    return value.resolve() if isinstance(value, Substituted) else value


def _read_seconds(value: object) -> float | None:
    """Read seconds from a number or a text such as "1h30m"; None for anything else."""
    value = _resolve(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) <= _LARGEST else None
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return math.fsum(float(amount) * _SECONDS[unit] for amount, unit in _DURATION_PART.findall(value))
    return None


def _read_address(value: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an IP address without a zone; None for anything else."""
    if not isinstance(value, str) or "%" in value:
        return None
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


def _unfit(wanted: str, value: object) -> ValueError:
    """Make the error for a value that is not what is wanted; it is the caller's to raise."""
    is_quoted = type(value) is str and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?|true|false", value)
    hint = "; write it without quotes" if is_quoted else ""
    return ValueError(f"must be {wanted} (got {describe_value(value)}{hint})")


def _unfit_text(wanted: str, value: object) -> ValueError:
    """Make the error for a value that has to be text: to take its quotes away would not mend it."""
    return ValueError(f"must be {wanted} (got {describe_value(value)})")
