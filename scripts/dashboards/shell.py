"""What all dashboards have around their panels: variables, links, refresh."""

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    TextBoxVariable,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from scripts.dashboards.panels import SOURCE

STATUS_PAGE = "http://localhost:9587"
"""Where docker-compose.yml puts mailport; another place is typed in once at the top of a dashboard."""

DOMAIN_PAGE = (
    "/d/mailport-domain?var-domain=${__data.fields.Domain}&${datasource:queryparam}&${mailport:queryparam}"
)
ENDPOINT_PAGE = (
    "/d/mailport-endpoint?var-host=${__data.fields.Host}&var-port=${__data.fields.Port}"
    "&var-protocol=${__data.fields.Protocol}&${datasource:queryparam}&${mailport:queryparam}"
)


def begin(uid: str, title: str, description: str) -> Dashboard:
    """A dashboard without panels, its links and the variables that each has."""
    siblings = DashboardLink("mailport").type(DashboardLinkType.DASHBOARDS).tags(["mailport"])
    page = DashboardLink("Status page").type(DashboardLinkType.LINK).icon("external link")
    return (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["mailport", "mail"])
        .editable()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("1m")
        .time("now-24h", "now")
        .link(siblings.include_vars(True).keep_time(True).as_dropdown(False))
        .link(
            page.url("${mailport}").target_blank(True).tooltip("What is wrong now, and what to do about it")
        )
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )


def with_ports(dashboard: Dashboard) -> Dashboard:
    """Add the port and the protocol, of the host that is chosen."""
    ports = 'label_values(mailport_endpoint_state{host=~"$host"}, port)'
    protocols = 'label_values(mailport_endpoint_state{host=~"$host",port=~"$port"}, protocol)'
    return dashboard.with_variable(
        many("port", "Port", ports, sort=VariableSort.NUMERICAL_ASC)
    ).with_variable(many("protocol", "Protocol", protocols))


def end(dashboard: Dashboard) -> Dashboard:
    """Add the last variable, which is seldom changed."""
    return dashboard.with_variable(
        TextBoxVariable("mailport")
        .label("Status page")
        .description("The address of mailport's status page, as your browser reaches it")
        .default_value(STATUS_PAGE)
        .current(VariableOption(text=STATUS_PAGE, value=STATUS_PAGE))
        .options([VariableOption(selected=True, text=STATUS_PAGE, value=STATUS_PAGE)])
    )


def many(
    name: str, label: str, query: str, *, sort: VariableSort = VariableSort.ALPHABETICAL_ASC
) -> QueryVariable:
    """A variable with any number of values, all of them at first."""
    return (
        _asked(name, label, query, sort)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(text=["All"], value=["$__all"]))
    )


def one(name: str, label: str, query: str) -> QueryVariable:
    """A variable with one value, the first there is."""
    return _asked(name, label, query, VariableSort.ALPHABETICAL_ASC)


def _asked(name: str, label: str, query: str, sort: VariableSort) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": f"variable-{name}"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(sort)
    )
