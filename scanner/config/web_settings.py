"""The settings of the HTTP interface: where it listens, and what it may be asked to probe."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator

from scanner.config import values
from scanner.config.problem import describe_value
from scanner.config.section import Section
from scanner.model.target import TargetError, normalise_host

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

ANY_HOST = "*"
"""In the place of names: all of them."""


def read_permit(value: object) -> str:
    """Read a host, the names below a domain (`.example.org`), or a network (`192.0.2.0/24`)."""
    wanted = "must be a host, names below a domain as .example.org, or a network as 192.0.2.0/24"
    if not isinstance(value, str) or not value:
        raise ValueError(f"{wanted} (got {describe_value(value)})")
    network = _read_network(value)
    if network is not None:
        return str(network)
    is_suffix = value.startswith((".", "*."))
    try:
        host = normalise_host(value.removeprefix("*").removeprefix("."))
    except TargetError as error:
        raise ValueError(f"{wanted}: {error}") from None
    return f".{host}" if is_suffix else host


def read_web_host(value: object) -> str:
    """Read a name that the service may go by, the names below a domain (`.example.org`), or `*` for any."""
    if value == ANY_HOST:
        return ANY_HOST
    wanted = 'must be a name as mailport.example.org, names below a domain as .example.org, or "*" for any'
    if not isinstance(value, str) or not value:
        raise ValueError(f"{wanted} (got {describe_value(value)})")
    if ":" in value:
        raise ValueError(
            f"{wanted}, without a port; addresses are always taken (got {describe_value(value)})"
        )
    try:
        host = normalise_host(value.removeprefix("*").removeprefix("."))
    except TargetError as error:
        raise ValueError(f"{wanted}: {error}") from None
    return f".{host}" if value.startswith((".", "*.")) else host


_read_web_url = values.web_url(has_domain=False)
_GRAFANA = re.compile(
    r"(?P<scheme>https?)://(?:\[(?P<v6>[^\[\]]*)\])?(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)


def read_grafana(value: object) -> str:
    """Read the address that Grafana has for the readers of the pages; a slash at its end plays no part."""
    wanted = "must be the http or https address of Grafana, such as https://grafana.example.org"
    try:
        url = read_address_of_pages(value)
    except ValueError:
        raise ValueError(f"{wanted} (got {describe_value(value)})") from None
    if set(url) & set("?#\\<>\"'{}"):
        raise ValueError(f"{wanted}, without anything behind the path (got {describe_value(value)})")
    return url.rstrip("/")


def read_address_of_pages(value: object) -> str:
    """Read a web address as people copy it from a browser: the scheme in any case, IPv6 too."""
    match = _GRAFANA.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return _read_web_url(value)
    scheme, v6, rest = match["scheme"].lower(), match["v6"], match["rest"]
    if v6 is None:
        return _read_web_url(f"{scheme}://{rest}")
    if "%" in v6:
        raise ValueError("a zone means something on one machine only")
    host = f"{scheme}://[{ipaddress.IPv6Address(v6)}]"
    if rest and not rest.startswith((":", "/")):
        raise ValueError("a host ends where its port or its path begins")
    # What follows has to be as behind any other host.
    stand_in = f"{scheme}://localhost"
    return host + _read_web_url(stand_in + rest).removeprefix(stand_in)


def is_permitted(host: str, permits: Iterable[str]) -> bool:
    """Tell whether a host is among what `read_permit` has read."""
    address = _read_address(host)
    for permit in permits:
        network = _read_network(permit)
        if network is not None:
            if address is not None and address in network:
                return True
        elif host == permit or (permit.startswith(".") and host.endswith(permit)):
            return True
    return False


def _read_network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


class WebProbeSettings(Section):
    """What /probe may be asked for, beside what is watched."""

    allow: Annotated[tuple[str, ...], BeforeValidator(values.list_of(read_permit, may_be_empty=True))] = ()
    """Hosts, names below a domain (.example.org), and networks for targets that are addresses."""
    concurrency: Annotated[int, BeforeValidator(values.whole_number(1, 1000))] = 10
    """Targets that are probed for it at once; further ones wait."""
    timeout_offset: Annotated[float, BeforeValidator(values.duration(at_least=0.0))] = 0.5
    """How much sooner than the scrape's own timeout the answer is given."""


class WebSettings(Section):
    """Where the service listens, and what it may be asked for."""

    listen: Annotated[str, BeforeValidator(values.read_listen)] = "0.0.0.0:9587"
    hosts: Annotated[tuple[str, ...], BeforeValidator(values.list_of(read_web_host, may_be_empty=True))] = ()
    """Names that people and programs call the service by, where no password is asked for."""
    grafana: Annotated[str, BeforeValidator(read_grafana)] | None = None
    """Where Grafana is, as the readers of the pages reach it, without a slash at the end; None = no links."""
    probe: WebProbeSettings = WebProbeSettings()

    @property
    def host(self) -> str:
        """The address or name to listen on, without brackets."""
        return values.split_host_port(self.listen)[0]

    @property
    def port(self) -> int:
        """The port to listen on; 0 = any free one."""
        return values.split_host_port(self.listen)[1] or 0
