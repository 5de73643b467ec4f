"""What goes from the scheduler to the workers: batches of jobs, as strict and bounded JSON."""

from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from scanner.model import (
    Dane,
    DaneStatus,
    Endpoint,
    Expectation,
    Protocol,
    Source,
    TlsMode,
    role_of,
)
from scanner.model.published import TlsaRecord
from scanner.model.target import TargetError, normalise_host
from scanner.protocol.client_hello import is_hello

MOST_JOBS = 8
"""Of one batch: enough that the broker's work is shared, few enough that all workers have some."""
MOST_BYTES = 1024 * 1024
"""Of one batch, or of one message with results, as text."""
_MOST_NAMES = 1000


def _check_host(text: str) -> str:
    try:
        is_plain = normalise_host(text) == text
    except TargetError:
        is_plain = False
    if not is_plain:
        raise ValueError("no host in its one spelling")
    return text


def _check_address(text: str) -> str:
    if "%" in text or str(ip_address(text)) != text:
        raise ValueError("no address in its short form")
    return text


def _check_hello(text: str) -> str:
    # Whoever can write to the broker could else have anything at all said to any port of any server.
    if not is_hello(bytes.fromhex(text)):
        raise ValueError("no ClientHello")
    return text


_Name = Annotated[str, Field(min_length=1, max_length=253)]
_Names = Annotated[tuple[_Name, ...], Field(max_length=_MOST_NAMES)]
_Number = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9a-f-]+$")]
_Host = Annotated[_Name, AfterValidator(_check_host)]
_Address = Annotated[_Name, AfterValidator(_check_address)]
_Port = Annotated[int, Field(ge=1, le=65535)]
_Octet = Annotated[int, Field(ge=0, le=255)]
_Hex = Annotated[str, Field(max_length=8192, pattern=r"^(?:[0-9a-f]{2})*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Tlsa(_Strict):
    """One TLSA record."""

    usage: _Octet
    selector: _Octet
    matching_type: _Octet
    data: _Hex


class Job(_Strict):
    """One connection: an ordinary probe, or a raw hello where there is one."""

    id: _Number
    host: _Host
    address: _Address
    port: _Port
    protocol: Protocol
    tls_mode: TlsMode
    names: _Names = ()
    """Domains whose SRV records name the host: the server may show their names (RFC 6186)."""
    domains: _Names = ()
    """Domains that a DANE-TA certificate may name instead of the host (RFC 7672 section 3.2.2)."""
    tlsa: Annotated[tuple[Tlsa, ...], Field(max_length=64)] = ()
    hello: Annotated[_Hex, AfterValidator(_check_hello)] | None = None


class Knock(_Strict):
    """One bare connection: nothing is sent, and it is closed at once. Controls ask for it."""

    id: _Number
    host: _Host
    address: _Address
    port: _Port
    seconds: Annotated[float, Field(gt=0, le=60)] | None = None
    """What connecting may take, where the worker's own limit is higher."""


class Batch(_Strict):
    """Jobs for one worker."""

    id: _Number
    jobs: Annotated[tuple[Job | Knock, ...], Field(min_length=1, max_length=MOST_JOBS)]
    anyway: bool = False
    """Do them though the worker's own way out is closed: there is no other worker."""


def read_batch(text: object) -> Batch:
    """Read a batch; nothing in it counts beyond what is named here.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(text, str) or len(text) > MOST_BYTES:
        raise ValueError("no text, or too long a one")
    return Batch.model_validate_json(text)


def job_for(endpoint: Endpoint, number: str, hello: bytes | None = None) -> Job:
    """Return the job of probing an endpoint, or of sending it a hello."""
    dane = endpoint.dane
    is_bound = dane is not None and dane.status is DaneStatus.SECURE
    sources = endpoint.sources or tuple((domain, endpoint.source) for domain in endpoint.domains)
    return Job(
        id=number,
        host=endpoint.host,
        address=endpoint.address,
        port=endpoint.port,
        protocol=endpoint.protocol,
        tls_mode=endpoint.tls_mode,
        names=tuple(domain for domain, source in sources if source == Source.SRV)[:_MOST_NAMES],
        domains=endpoint.domains[:_MOST_NAMES] if is_bound else (),
        tlsa=tuple(
            Tlsa(usage=one.usage, selector=one.selector, matching_type=one.matching_type, data=one.data.hex())
            for one in (dane.records if dane is not None and is_bound else ())
        )[:64],
        hello=None if hello is None else hello.hex(),
    )


def endpoint_of(job: Job) -> Endpoint:
    """Return what a worker has to know of the endpoint."""
    records = tuple(
        TlsaRecord(one.usage, one.selector, one.matching_type, bytes.fromhex(one.data)) for one in job.tlsa
    )
    return Endpoint(
        host=job.host,
        address=job.address,
        port=job.port,
        protocol=job.protocol,
        tls_mode=job.tls_mode,
        role=role_of(job.protocol, job.port),
        source=Source.OPERATOR,
        domains=job.domains,
        sources=tuple((name, Source.SRV) for name in job.names),
        expectation=Expectation(dane=Dane(DaneStatus.SECURE, records)) if records else None,
    )
