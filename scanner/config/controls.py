"""The section `controls`: whom to ask whether our own network blocks or intercepts a port."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from scanner.config import values
from scanner.config.catalogue_values import check_list, optional, read_text
from scanner.config.problem import describe_value
from scanner.model.control import ANYTHING, Control
from scanner.model.ports import PORTS, TlsMode
from scanner.model.target import TargetError, parse_target

_Switch = Annotated[bool, BeforeValidator(values.read_switch)]
_WEB_PORT = 443
_LONGEST_PATTERN = 200
_Wrong = list[tuple[tuple[str | int, ...], str]]
"""Places in the section, each with what is wrong there."""


def _control(port: int, host: str, provider: str, banner: str | None = None) -> Control:
    row = PORTS[port]
    has_starttls = row.tls_mode is TlsMode.STARTTLS
    return Control(host, port, row.protocol, row.tls_mode, provider, banner, starttls=has_starttls)


_MICROSOFT = "Microsoft ESMTP MAIL Service"
BUILT_IN: Mapping[int, tuple[Control, ...]] = MappingProxyType(
    {
        25: (
            # The MX hosts of domains that many watch anyway: their probes count as answers.
            _control(25, "gmail-smtp-in.l.google.com", "google", "mx.google.com ESMTP * gsmtp"),
            _control(25, "outlook-com.olc.protection.outlook.com", "microsoft", _MICROSOFT),
            _control(25, "mta5.am0.yahoodns.net", "yahoo"),
        ),
        465: (
            _control(465, "smtp.gmail.com", "google", "smtp.gmail.com ESMTP * gsmtp"),
            _control(465, "smtp.mail.yahoo.com", "yahoo", "smtp.mail.yahoo.com ESMTP"),
            _control(465, "smtp.fastmail.com", "fastmail", "smtp.fastmail.com ESMTP"),
        ),
        587: (
            _control(587, "smtp.gmail.com", "google", "smtp.gmail.com ESMTP * gsmtp"),
            _control(587, "smtp.mail.yahoo.com", "yahoo", "smtp.mail.yahoo.com ESMTP"),
            _control(587, "smtp.office365.com", "microsoft", _MICROSOFT),
        ),
        143: (
            _control(143, "imap.gmx.net", "united-internet", "IMAP server ready"),
            _control(143, "imap.mail.com", "united-internet", "IMAP server ready"),
            _control(143, "imap.mail.ru", "mail.ru"),
        ),
        993: (
            _control(993, "imap.gmail.com", "google", "Gimap ready for requests"),
            _control(993, "imap.mail.yahoo.com", "yahoo"),
            _control(993, "imap.fastmail.com", "fastmail"),
        ),
        110: (
            _control(110, "pop.gmx.net", "united-internet", "POP server ready"),
            _control(110, "pop.mail.com", "united-internet", "POP server ready"),
            _control(110, "pop.mail.ru", "mail.ru"),
        ),
        995: (
            _control(995, "pop.gmail.com", "google", "Gpop ready for requests"),
            _control(995, "pop.mail.yahoo.com", "yahoo"),
            _control(995, "pop.fastmail.com", "fastmail"),
        ),
    }
)
"""Three large services a port; GMX and mail.com are of one house, so that they count as one provider."""


def _read_pattern(value: object) -> str:
    """Read a pattern for greetings: text, with `*` for anything."""
    if not isinstance(value, str) or not value.strip(ANYTHING + " ") or len(value) > _LONGEST_PATTERN:
        raise ValueError(
            f"must be text of a greeting, with {ANYTHING} for anything, at most {_LONGEST_PATTERN} "
            f"characters (got {describe_value(value)})"
        )
    return str(value)


def _read_dark(value: object) -> str:
    """Read the address where nothing can answer."""
    try:
        target = parse_target(value) if isinstance(value, str) else None
    except TargetError:
        target = None
    if target is None or not target.is_address or target.port is not None:
        raise ValueError(f"must be an IP address such as 192.0.2.1, or null (got {describe_value(value)})")
    return target.host


def _read_site(value: object) -> str:
    """Read HOST or HOST:PORT of a site; always returns it with its port."""
    wanted = f"must be HOST or HOST:PORT, for example www.example.org:{_WEB_PORT}"
    host, port = values.split_host_port(value)
    if port is None:
        host, port = str(value), _WEB_PORT
    try:
        target = parse_target(f"[{host}]" if ":" in host else host)
    except TargetError:
        target = None
    if not isinstance(value, str) or target is None or target.port is not None or not port:
        raise ValueError(f"{wanted} (got {describe_value(value)})")
    return values.join_host_port(target.host, port)


class ControlEntry(BaseModel):
    """One control of the operator's own; in the file a plain host means `{host: ...}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, BeforeValidator(values.read_target)]
    """A host, or a host and the port of its list, in the forms that `targets` takes."""
    banner: Annotated[str | None, optional(_read_pattern)] = None
    provider: Annotated[str | None, optional(read_text)] = None
    starttls: _Switch = False
    """Whether it offers STARTTLS as a rule, so that its absence is a sign."""

    @model_validator(mode="before")
    @classmethod
    def _accept_host(cls, value: object) -> object:
        return {"host": value} if isinstance(value, str) else value

    def at(self, port: int) -> Control:
        """Return the control that this is on a port.

        Raises:
            ValueError: it names another port, or the port's protocol is not known.
        """
        target = parse_target(self.host)
        if target.port is None and port not in PORTS:
            example = f"[{target.host}]" if ":" in target.host else target.host
            raise ValueError(
                f"port {port} is none of the mail ports; say its protocol, for example smtp://{example}:{port}"
            )
        if target.port not in {None, port}:
            raise ValueError(f"is asked on port {port}, so it cannot be on port {target.port}; remove one")
        row = PORTS.get(port)
        protocol = target.protocol or (row.protocol if row is not None else None)
        tls_mode = target.tls_mode or (row.tls_mode if row is not None else None)
        if protocol is None or tls_mode is None:
            raise ValueError(f"nothing says what is spoken on port {port}")
        return Control(target.host, port, protocol, tls_mode, self.provider, self.banner, self.starttls)


def _read_ports(value: object) -> object:
    """Check the ports of a section of lists."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(  # noqa: TRY004 - pydantic takes only a ValueError for a finding
            f"must be a section of lists by port, such as 25: [mx.example.org] (got {describe_value(value)})"
        )
    wrong: _Wrong = [
        ((key,), f"must be a port from 1 to 65535 (got {describe_value(str(key))})")
        for key in value
        if not (str(key).isascii() and str(key).isdigit() and 1 <= int(str(key)[:6]) <= 65535)
    ]
    _report(wrong)
    return {str(int(str(key))): entries for key, entries in value.items()}


_Lists = dict[str, Annotated[tuple[ControlEntry, ...], BeforeValidator(check_list)]]


def _check_ports(lists: _Lists) -> _Lists:
    """Refuse controls that are on another port than their list says, and doubles."""
    wrong: _Wrong = []
    for key, entries in lists.items():
        seen: set[str] = set()
        for index, entry in enumerate(entries):
            try:
                host = entry.at(int(key)).host
            except ValueError as error:
                wrong.append(((key, index), str(error)))
                continue
            if host in seen:
                wrong.append(((key, index), f"{host} is in the list twice; remove one"))
            seen.add(host)
    _report(wrong)
    return lists


def _report(wrong: _Wrong) -> None:
    if wrong:
        details = [
            InitErrorDetails(
                type=PydanticCustomError("list_item", "{why}", {"why": why}), loc=place, input=None
            )
            for place, why in wrong
        ]
        raise ValidationError.from_exception_data("ports", details)


class ControlSettings(BaseModel):
    """How our own network is checked; `controls: false` in the file means `{enabled: false}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: _Switch = True
    interval: Annotated[float, BeforeValidator(values.duration(at_least=1.0))] = 900.0
    """Seconds between two looks at a port in a service; in a scan there is one look, where one is needed."""
    ports: Annotated[_Lists, BeforeValidator(_read_ports), AfterValidator(_check_ports)] = {}
    """The operator's own lists; each replaces the built-in one of its port."""
    https: Annotated[tuple[str, ...], BeforeValidator(values.list_of(_read_site, may_be_empty=True))] = (
        "www.google.com:443",
        "www.microsoft.com:443",
    )
    """Where to look whether the network works at all; of companies that are asked on other ports anyway."""
    dark: Annotated[str | None, BeforeValidator(values.optional(_read_dark))] = "192.0.2.1"
    """An address where nothing can answer (RFC 5737); None = it is not asked."""

    @model_validator(mode="before")
    @classmethod
    def _accept_switch(cls, value: object) -> object:
        if isinstance(value, bool):
            return {"enabled": value}
        return {} if value is None else value

    @property
    def lists(self) -> Mapping[int, tuple[Control, ...]]:
        """The controls of each port, in force."""
        own = {int(key): entries for key, entries in self.ports.items()}
        return {**BUILT_IN, **{port: tuple(one.at(port) for one in some) for port, some in own.items()}}

    @property
    def sites(self) -> tuple[tuple[str, int], ...]:
        """The sites as pairs of host and port."""
        return tuple((host, port or _WEB_PORT) for host, port in map(values.split_host_port, self.https))

    def is_own(self, port: int) -> bool:
        """Tell whether the operator has named the controls of a port."""
        return str(port) in self.ports
