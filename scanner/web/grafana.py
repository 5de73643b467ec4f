"""Links from the pages to the Grafana dashboards that ship with mailport, with their variables filled in."""

from enum import StrEnum
from urllib.parse import urlencode

from scanner.model import Endpoint


class Dashboard(StrEnum):
    """The ids of the dashboards, as `scripts/dashboards` gives them."""

    OVERVIEW = "mailport-overview"
    DOMAIN = "mailport-domain"
    ENDPOINT = "mailport-endpoint"


def link_overview(base: str | None) -> str | None:
    """Return the address of the overview; None where there is no Grafana."""
    return _link(base, Dashboard.OVERVIEW)


def link_domain(base: str | None, name: str) -> str | None:
    """Return the address of a domain's dashboard; None where there is no Grafana."""
    return _link(base, Dashboard.DOMAIN, domain=name)


def link_endpoint(base: str | None, endpoint: Endpoint) -> str | None:
    """Return the address of an endpoint's dashboard; None where there is no Grafana."""
    return _link(
        base,
        Dashboard.ENDPOINT,
        host=endpoint.host,
        port=str(endpoint.port),
        protocol=endpoint.protocol.value,
    )


def _link(base: str | None, dashboard: Dashboard, **variables: str) -> str | None:
    if base is None:
        return None
    query = urlencode({f"var-{name}": value for name, value in variables.items()})
    return f"{base}/d/{dashboard.value}{'?' if query else ''}{query}"
