"""The schema of a provider: what a mail company says about its servers, and where that was read."""

from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from scanner.config.catalogue_values import (
    CLIENT_SERVICES,
    LIST_OR_NOTHING,
    check_list,
    optional,
    read_absent,
    read_day,
    read_domain,
    read_host,
    read_id,
    read_text,
    read_verdict,
    some,
)
from scanner.config.problem import describe_value
from scanner.config.values import list_of, one_of, whole_number
from scanner.model.ports import PORTS, Protocol, Role, TlsMode
from scanner.model.published import Login, Service, UserName

BUILT_IN = frozenset(
    {
        *("gmail", "microsoft-365", "outlook-com", "yahoo", "aol", "icloud", "fastmail", "proton"),
        *("zoho", "zoho-eu", "zoho-in", "zoho-au", "zoho-jp", "zoho-ca"),
        *("zoho-own", "zoho-eu-own", "zoho-in-own", "zoho-au-own", "zoho-jp-own", "zoho-ca-own"),
        *("gmx-net", "gmx-com", "mail-com", "mail-ru", "yandex", "qq", "netease", "netease-126"),
        *("netease-yeah", "ovh", "ionos", "oudel"),
    }
)
"""The ids that come with mailport; an entry with one of them changes that one."""
SLOTS: Mapping[str, tuple[str, ...]] = {
    "oudel": ("Email Server 1", "Email Server 2", "Email Server 3", "10K Inbox Server")
}
"""The servers that a provider is known to have and whose hosts only its customers know."""

_Place = tuple[str | int, ...]


class Confidence(StrEnum):
    """How sure a fact is."""

    CONFIRMED = "confirmed"
    UNVERIFIED = "unverified"
    """Seen once, usual, or from memory: looked at, and nothing is expected of it."""


_Text = Annotated[str, BeforeValidator(read_text)]
_OptionalText = Annotated[str | None, optional(read_text)]
_Domains = Annotated[tuple[str, ...] | None, some(read_domain)]
_VerdictIds = Annotated[tuple[str, ...], BeforeValidator(list_of(read_verdict, may_be_empty=True))]
_Confidence = Annotated[Confidence, BeforeValidator(one_of(*Confidence))]


class _Part(BaseModel):
    """A frozen part of an entry that knows all its keys; what was not given is not written out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _write_given(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {key: value for key, value in write(self).items() if value is not None}


class Server(_Part):
    """One server for mail programs."""

    host: Annotated[str, BeforeValidator(read_host)]
    port: Annotated[int, BeforeValidator(whole_number(1, 65535))]
    tls_mode: Annotated[TlsMode | None, optional(one_of(*TlsMode))] = None
    """None = as usual on this port."""
    slot: _OptionalText = None
    """Which of the provider's `slots` it is."""
    confidence: _Confidence = Confidence.CONFIRMED

    @property
    def mode(self) -> TlsMode:
        """How TLS begins."""
        return self.tls_mode or PORTS[self.port].tls_mode

    @property
    def declares_starttls(self) -> bool:
        """Whether the provider's own word is that STARTTLS is there."""
        return self.mode is TlsMode.STARTTLS and self.confidence is Confidence.CONFIRMED

    @model_validator(mode="after")
    def _check_mode(self) -> Self:
        if self.tls_mode is None and self.port not in PORTS:
            raise ValueError(
                f"port {self.port} is none of the mail ports; add tls_mode: implicit or starttls"
            )
        return self


_Servers = Annotated[tuple[Server, ...] | None, BeforeValidator(check_list)]


class SignIn(_Part):
    """How users sign in."""

    methods: Annotated[tuple[Login, ...], BeforeValidator(list_of(one_of(*Login)))]
    username: Annotated[UserName | None, optional(one_of(*UserName))] = None
    notes: _OptionalText = None


class Tolerated(_Part):
    """Ids of verdicts that were always so at this provider, by service."""

    mx: _VerdictIds = ()
    submission: _VerdictIds = ()
    imap: _VerdictIds = ()
    pop3: _VerdictIds = ()


class Evidence(_Part):
    """Where facts were read, and the day of that edition."""

    fields: Annotated[tuple[str, ...], BeforeValidator(list_of(read_text))]
    """The keys of the entry that it is about."""
    source: _Text
    checked: Annotated[date, BeforeValidator(read_day)]
    confidence: _Confidence = Confidence.CONFIRMED


class Provider(_Part):
    """One entry of the catalogue. None = not given: a built-in provider keeps what it has there."""

    id: Annotated[str, BeforeValidator(read_id)]
    name: _OptionalText = None
    domains: _Domains = None
    """What stands behind the @ in its users' addresses, each exactly."""
    mx_suffixes: _Domains = None
    """An MX host that is one of these, or below one, belongs to the provider."""
    submission: _Servers = None
    imap: _Servers = None
    pop3: _Servers = None
    """Servers in the order that clients should prefer."""
    not_offered: Annotated[tuple[int | Service, ...] | None, some(read_absent)] = None
    """Ports and services that the provider does not have."""
    slots: Annotated[tuple[str, ...] | None, some(read_text)] = None
    min_tls: Annotated[str | None, optional(one_of("TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"))] = None
    """The oldest version on the servers for clients, by the provider's own word; None = to be learnt."""
    login: SignIn | None = None
    tolerated: Tolerated | None = None
    notes: _OptionalText = None
    evidence: Annotated[tuple[Evidence, ...] | None, BeforeValidator(check_list)] = None

    @property
    def ways_to_sign_in(self) -> tuple[Login, ...]:
        """How users sign in, unless all that is known of it is unverified: then nothing is expected."""
        words = [fact.confidence for fact in self.evidence or () if "login" in fact.fields]
        is_doubtful = bool(words) and Confidence.CONFIRMED not in words
        return () if self.login is None or is_doubtful else self.login.methods

    def servers(self, service: Service) -> tuple[Server, ...]:
        """Return the servers for a service, the preferred one first."""
        found = {Service.SUBMISSION: self.submission, Service.IMAP: self.imap, Service.POP3: self.pop3}
        return found.get(service) or ()

    @property
    def absent_services(self) -> frozenset[Service]:
        """Services that the provider does not have."""
        return frozenset(item for item in self.not_offered or () if isinstance(item, Service))

    @property
    def absent_ports(self) -> frozenset[int]:
        """Ports that the provider does not have, those of its absent services too."""
        named = {item for item in self.not_offered or () if not isinstance(item, Service)}
        return frozenset(named | {port for port in PORTS if _service_of(port) in self.absent_services})

    @model_validator(mode="after")
    def _check(self) -> Self:
        _report([*_find_incomplete(self), *_find_bad_servers(self), *_find_contradictions(self)])
        return self


def _service_of(port: int) -> Service | None:
    """Return what a mail port does for clients; None for port 25 and others."""
    row = PORTS.get(port)
    if row is None or row.role is Role.MX:
        return None
    return Service.SUBMISSION if row.protocol is Protocol.SMTP else Service(row.protocol.value)


def _find_incomplete(entry: Provider) -> Iterator[tuple[_Place, str]]:
    """Find what an entry of the operator's own lacks."""
    has_servers = any(map(entry.servers, CLIENT_SERVICES))
    slots = ", ".join(entry.slots or SLOTS.get(entry.id, ()))
    if slots and (entry.domains or entry.mx_suffixes) and not has_servers and not entry.not_offered:
        yield (), f"{entry.id} needs servers, whose hosts its customers know: fill its slots {slots}"
        return
    if entry.id in BUILT_IN:
        return
    if not entry.domains and not entry.mx_suffixes:
        close = get_close_matches(entry.id, sorted(BUILT_IN), n=1)
        hint = f"did you mean the built-in {close[0]}?" if close else "only a built-in provider has its own"
        yield (), f"{entry.id} needs domains or mx_suffixes; {hint}"
    if not has_servers and not entry.not_offered:
        yield (), f"{entry.id} needs servers: submission, imap or pop3"


def _find_bad_servers(entry: Provider) -> Iterator[tuple[_Place, str]]:
    """Find servers on another service's port, in no known slot, and doubles."""
    slots: tuple[str, ...] = entry.slots or SLOTS.get(entry.id, ())
    for service in CLIENT_SERVICES:
        seen: dict[tuple[str, int], int] = {}
        for index, server in enumerate(entry.servers(service)):
            place = (service.value, index)
            if server.port in PORTS and _service_of(server.port) is not service:
                usual = " or ".join(str(port) for port in PORTS if _service_of(port) is service)
                message = f"{server.port} is no port for {service.value}; use {usual}, or one of your own"
                yield (*place, "port"), message
            if server.slot is not None and server.slot not in slots:
                known = f"it has {', '.join(slots)}" if slots else "remove it, or list it under slots"
                yield (*place, "slot"), f"{entry.id} has no such slot; {known}"
            first = seen.setdefault((server.host, server.port), index)
            if first != index:
                yield place, f"{server.host}:{server.port} is in the list twice; remove one"


def _find_contradictions(entry: Provider) -> Iterator[tuple[_Place, str]]:
    """Find what is both offered and not, and evidence about nothing."""
    for index, item in enumerate(entry.not_offered or ()):
        service = item if isinstance(item, Service) else _service_of(item)
        servers = entry.servers(service) if service else ()
        if any(isinstance(item, Service) or server.port == item for server in servers):
            yield ("not_offered", index), f"{item} has a server in this entry; remove one of the two"
    for index, evidence in enumerate(entry.evidence or ()):
        for number, key in enumerate(evidence.fields):
            if key not in Provider.model_fields:
                message = f"must be a key of an entry, such as domains (got {describe_value(key)})"
                yield ("evidence", index, "fields", number), message


def _find_doubles(entries: tuple[Provider, ...]) -> Iterator[tuple[_Place, str]]:
    """Find what may be in one entry only: an id, a domain, an MX suffix."""
    seen: dict[tuple[str, str], int] = {}
    for index, entry in enumerate(entries):
        claims: list[tuple[_Place, str]] = [(("id",), entry.id)]
        claims += [(("domains", number), domain) for number, domain in enumerate(entry.domains or ())]
        claims += [(("mx_suffixes", number), name) for number, name in enumerate(entry.mx_suffixes or ())]
        for place, claim in claims:
            first = seen.setdefault((str(place[0]), claim), index)
            if first != index:
                yield (index, *place), f"{claim} is already in catalogue[{first}]; keep one of the two"


def _check_doubles(entries: tuple[Provider, ...]) -> tuple[Provider, ...]:
    _report(list(_find_doubles(entries)))
    return entries


def _report(found: list[tuple[_Place, str]]) -> None:
    """Raise everything that was found, each in its place."""
    if found:
        problems = [
            InitErrorDetails(
                type=PydanticCustomError("list_item", "{why}", {"why": why}), loc=place, input=None
            )
            for place, why in found
        ]
        raise ValidationError.from_exception_data("catalogue", problems)


Providers = Annotated[
    tuple[Provider, ...],
    LIST_OR_NOTHING,
    AfterValidator(_check_doubles),
]
"""The entries of a catalogue."""
