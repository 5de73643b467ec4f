"""Holds the settings of a mail program against what a domain names and what was measured."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scanner.explain.client_settings import ClientMode, ClientSettings
from scanner.explain.words import SERVICE_NAMES, name_place, tell_state
from scanner.model import PORTS, Observation, Reason, Service, State
from scanner.model.target import Target
from scanner.verdict.level import works
from scanner.verdict.recommendation import CLIENT_PORTS, Choice, Way

SMTP_PORT = 25
_LEGACY = (143, 110)
MODE_WORDS = {
    ClientMode.NONE: "no encryption",
    ClientMode.STARTTLS: "STARTTLS",
    ClientMode.SSL: "SSL/TLS",
}
_NOT_THERE = frozenset({State.CLOSED, State.BLOCKED, State.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of the settings that is not as it should be, with the evidence."""

    id: str
    field: str
    """`host`, `port`, `mode` or `protocol`."""
    yours: str
    wanted: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Why nothing is known of the host: that is no difference, since it may be as it should."""

    is_of_names: bool
    """Whether its name could not be looked up; else it was not probed."""
    why: str
    advice: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The settings, what differs, and what to use instead."""

    settings: ClientSettings
    domain: str | None
    differences: tuple[Difference, ...]
    way: Way | None
    """What is recommended for the same purpose; None where nothing is."""
    here: tuple[Observation, ...]
    """What was measured at the program's own host and port."""
    gap: Gap | None = None
    """Why the host could not be compared with anything; None where it could."""

    @property
    def is_measured(self) -> bool:
        """Whether anything can be said of the host and port by a probe."""
        return any(seen.state is not State.UNKNOWN for seen in self.here)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a look found out about the settings of a program."""

    domain: str | None
    """Whose mailbox it is; None where nobody said so and the host does not tell."""
    choice: Choice
    """What may be recommended for the same purpose."""
    hosts: frozenset[str]
    """The hosts that the domain names for it."""
    seen: tuple[Observation, ...]
    """Everything that was probed at the program's host."""
    host_fault: str | None = None
    """Why the host leads nowhere, in the words of the look."""
    gap: Gap | None = None
    """Why the look learnt nothing about the host."""


def targets_for(settings: ClientSettings, make: Callable[[str], Target]) -> list[Target]:
    """Return what to probe at a program's host: the ports of its protocol, and its own port."""
    ports = [row.number for row in PORTS.values() if row.protocol is settings.protocol]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    texts = [f"{host}:{port}" for port in ports]
    if settings.port not in PORTS:
        scheme = settings.protocol.value + ("s" if settings.mode is ClientMode.SSL else "")
        texts.append(f"{scheme}://{host}:{settings.port}")
    return [make(text) for text in texts]


def compare(settings: ClientSettings, measured: Measured, *, devices: int | None = None) -> Comparison:
    """Name the fields that differ from what was found: the host, then the port, then the mode.

    Args:
        devices: how many devices read the mailbox, if that is known.
    """
    here = tuple(seen for seen in measured.seen if seen.endpoint.port == settings.port)
    found: list[Difference] = [
        *_find_host(settings, measured),
        *_find_port(settings, measured, here),
        *_find_mode(settings, here),
        *_find_protocol(settings, devices),
    ]
    gap = None if measured.seen else measured.gap
    return Comparison(settings, measured.domain, tuple(found), measured.choice.way, here, gap)


def _find_host(settings: ClientSettings, measured: Measured) -> Iterator[Difference]:
    """F48: the host does not exist, shows a certificate of another, or is none that the domain names."""
    way = measured.choice.way
    wanted = way.host if way is not None else next(iter(sorted(measured.hosts)), None)
    if measured.host_fault is not None and not measured.seen:
        yield Difference("server_mismatch", "host", settings.host, wanted, measured.host_fault)
        return
    for seen in measured.seen:
        certificate = seen.certificate
        if certificate is not None and not certificate.name_matches and certificate.matched_name is None:
            names = ", ".join(certificate.names[:4]) or "no name at all"
            why = f"{settings.host} answers with a certificate for {names}"
            is_other = wanted is not None and wanted != settings.host
            better = wanted if is_other else next(iter(certificate.names), None)
            yield Difference("server_mismatch", "host", settings.host, better, f"{why}.")
            return
    if measured.hosts and settings.host not in measured.hosts:
        named = ", ".join(sorted(measured.hosts)[:4])
        service = SERVICE_NAMES[settings.service]
        why = f"For {service} {measured.domain} names {named}, and not this host."
        yield Difference("server_mismatch", "host", settings.host, wanted, why)


def _find_port(
    settings: ClientSettings, measured: Measured, here: Sequence[Observation]
) -> Iterator[Difference]:
    """F46: the port does not answer, is for servers, or is kept for old clients only."""
    yours, wanted = str(settings.port), _wanted_port(settings, measured)
    if settings.port == SMTP_PORT:
        why = "Port 25 is between servers: networks block it, and nobody signs in there."
        yield Difference("app_uses_25", "port", yours, wanted, why)
        return
    row = PORTS.get(settings.port)
    if row is not None and row.protocol is not settings.protocol:
        why = f"Port {yours} speaks {row.protocol.value.upper()}, not {settings.protocol.value.upper()}."
        yield Difference("wrong_port", "port", yours, wanted, why)
        return
    if (here and all(seen.state in _NOT_THERE for seen in here)) or any(
        seen.reason is Reason.WRONG_PROTOCOL for seen in here
    ):
        yield Difference("wrong_port", "port", yours, wanted, tell_state(here[0]))
    elif settings.port in _LEGACY:
        why = f"{settings.port} is a legacy port; {SERVICE_NAMES[settings.service]} belongs on {wanted}."
        yield Difference("wrong_port", "port", yours, wanted, why)


def _wanted_port(settings: ClientSettings, measured: Measured) -> str:
    """Return the port to use: one that works at the same host, else the recommended or the usual one."""
    usual = CLIENT_PORTS[settings.service]
    for port in usual:
        if any(seen.endpoint.port == port and works(seen) for seen in measured.seen):
            return str(port)
    return str(measured.choice.way.port if measured.choice.way is not None else usual[0])


def _find_mode(settings: ClientSettings, here: Sequence[Observation]) -> Iterator[Difference]:
    """F47: encryption is off, or not of the port's kind."""
    actual, why = _actual_mode(settings, here)
    if actual is None or settings.mode is actual:
        return
    if settings.mode is ClientMode.NONE and actual is ClientMode.STARTTLS:
        why = f"{why} Without it the password, the messages and their attachments travel in clear."
    yours = MODE_WORDS[settings.mode]
    yield Difference("ssl_not_enabled", "mode", yours, MODE_WORDS[actual], why)


def _actual_mode(settings: ClientSettings, here: Sequence[Observation]) -> tuple[ClientMode | None, str]:
    """Return what the port wants, as measured, else by the port table; None where neither knows."""
    place = name_place(settings.host, settings.port)
    for seen in here:
        if seen.reason is Reason.PLAINTEXT_ON_TLS_PORT:
            return ClientMode.STARTTLS, f"{place} was measured to begin in plain text."
        if seen.reason is Reason.TLS_ON_PLAINTEXT_PORT:
            return ClientMode.SSL, f"{place} was measured to begin with TLS."
        if seen.tls is not None:
            mode = ClientMode.of(seen.endpoint.tls_mode)
            return mode, f"{place} was measured with {MODE_WORDS[mode]}."
    row = PORTS.get(settings.port)
    if row is None:
        return None, ""
    mode = ClientMode.of(row.tls_mode)
    return mode, f"Port {settings.port} is for {MODE_WORDS[mode]}; it could not be measured here."


def _find_protocol(settings: ClientSettings, devices: int | None) -> Iterator[Difference]:
    """F49: POP3 with several devices."""
    if settings.service is Service.POP3 and devices is not None and devices > 1:
        why = f"POP3 does not synchronise, and {devices} devices read the mailbox."
        yield Difference("use_imap", "protocol", "POP3", "IMAP on 993", why)
