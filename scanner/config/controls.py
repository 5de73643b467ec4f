"""The section `controls`: whom to ask whether our own network blocks or intercepts a port."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from scanner.config import values
from scanner.config.control_entries import ControlEntry, read_control_lists
from scanner.config.problem import describe_value
from scanner.model.control import Control
from scanner.model.ports import PORTS, TlsMode
from scanner.model.target import TargetError, parse_target, quote

_Switch = Annotated[bool, BeforeValidator(values.read_switch)]
_WEB_PORT = 443


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


class ControlSettings(BaseModel):
    """How our own network is checked; `controls: false` in the file means `{enabled: false}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: _Switch = True
    interval: Annotated[float, BeforeValidator(values.duration(at_least=1.0))] = 900.0
    """Seconds between two looks at a port in a service; in a scan there is one look, where one is needed."""
    ports: Annotated[dict[str, tuple[ControlEntry, ...]], BeforeValidator(read_control_lists)] = {}
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
        if isinstance(value, str):
            raise ValueError(  # noqa: TRY004 - pydantic takes only a ValueError for a finding
                f"must be a section with keys of its own, or false to ask no controls (got {quote(value)})"
            )
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
