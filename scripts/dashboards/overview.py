"""The overview: what is blocked or downgraded and since when, how well all of it protects, whose fault it is."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders.bargauge import Panel as BarGauge
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.table import Panel as Table
from grafana_foundation_sdk.builders.timeseries import Panel as TimeSeries

from scripts.dashboards import panels, shell
from scripts.dashboards.panels import CRITICAL, GOOD, IS_TROUBLE, LEVELS, NEUTRAL, WARNING, YES_NO
from scripts.dashboards.queries import BY_ENDPOINT, ENDPOINT, endpoints, known

_INCIDENT = "severity, kind, name, cause, subject"


def build() -> Dashboard:
    """Return the dashboard."""
    dashboard = shell.begin(
        "mailport-overview",
        "mailport overview",
        "The mail ports that mailport watches: what is blocked or downgraded, since when, whose fault it is, "
        "how well all of them protect and how fast they answer.",
    )
    dashboard = dashboard.with_variable(
        shell.many("domain", "Domain", "label_values(mailport_domain_discovery_success, domain)")
    ).with_variable(shell.many("host", "Host", "label_values(mailport_endpoint_state, host)"))
    dashboard = shell.with_ports(dashboard)
    for panel in (
        panels.number(
            "Endpoints",
            "How many ports are watched, each address of a host by itself.",
            f"count({endpoints('mailport_probe_success')})",
            panels.steps(NEUTRAL),
        ),
        panels.number(
            "Usable",
            "The share of the endpoints that a client could use as they are meant, TLS included.",
            f"avg({endpoints('mailport_probe_success')})",
            panels.steps(CRITICAL, (0.9, WARNING), (0.99, GOOD)),
            unit="percentunit",
        ),
        panels.number(
            "Blocked",
            "Endpoints that the target's side blocks, once it is confirmed.",
            f"sum({endpoints('mailport_endpoint_blocked')})",
            panels.steps(GOOD, (1, CRITICAL)),
        ),
        panels.number(
            "Downgraded",
            "Endpoints with less protection than before, declared or published, once it is confirmed.",
            f"sum({endpoints('mailport_endpoint_downgraded')})",
            panels.steps(GOOD, (1, WARNING)),
        ),
        panels.number(
            "Ports our own network blocks",
            "Ports that nothing gets out to from here, or that something here answers in the servers' place. Targets are not blamed meanwhile.",
            "count((max by (port) (mailport_egress_blocked) > 0) or (max by (port) (mailport_egress_intercepted) > 0)) or vector(0)",
            panels.steps(GOOD, (1, CRITICAL)),
        ),
        panels.number(
            "Next certificate to expire",
            "The time until the first certificate expires.",
            f"min({known('mailport_certificate_not_after_timestamp_seconds')} - time())",
            panels.steps(CRITICAL, (7 * 86400, WARNING), (21 * 86400, GOOD)),
            unit="s",
        ),
    ):
        dashboard = dashboard.with_panel(panel)
    dashboard = dashboard.with_panel(_incidents()).with_panel(_over_time()).with_panel(_troubled())
    dashboard = dashboard.with_row(Row("How well it protects")).with_panel(_states()).with_panel(_levels())
    dashboard = dashboard.with_panel(_usable()).with_panel(_expiring()).with_panel(_domains())
    dashboard = (
        dashboard.with_row(Row("Our own network"))
        .with_panel(_egress("blocked"))
        .with_panel(_egress("intercepted"))
    )
    dashboard = (
        dashboard.with_row(Row("How fast it answers")).with_panel(_phases(0.5)).with_panel(_phases(0.95))
    )
    dashboard = dashboard.with_row(Row("mailport itself"))
    for own in _own():
        dashboard = dashboard.with_panel(own)
    return shell.end(dashboard)


def _incidents() -> Table:
    panel = panels.rows(
        "Open incidents",
        "One row a cause, with the number of watched domains that it concerns. Nothing here is good; "
        "the status page says what to do.",
        [
            panels.instant(f"max by ({_INCIDENT}) (mailport_incident)", ref="A"),
            panels.instant(
                f"time() - min by ({_INCIDENT}) (mailport_incident_since_timestamp_seconds)", ref="B"
            ),
        ],
        {
            "severity": "Severity",
            "kind": "Kind",
            "name": "What",
            "cause": "Cause",
            "subject": "Where",
            "Value #A": "Domains",
            "Value #B": "For",
        },
        sort="Severity",
    )
    panels.column(panel, "For", unit="s", decimals=0)
    panels.column(panel, "Severity", width=110)
    panels.column(
        panel,
        "Where",
        links=[{"title": "Status page", "url": "${mailport}/?text=${__value.text}", "targetBlank": True}],
    )
    return panel


def _over_time() -> TimeSeries:
    return (
        panels.lines(
            "Incidents over time",
            "How many incidents were open, by kind and severity.",
            [
                panels.query(
                    "max by (kind, severity) (kind_severity:mailport_incident:count)",
                    "{{kind}}, {{severity}}",
                )
            ],
            stacked=True,
        )
        .span(24)
        .height(6)
    )


def _troubled() -> Table:
    troubled = f"({endpoints('mailport_endpoint_blocked')} + {endpoints('mailport_endpoint_downgraded')} > 0)"
    panel = panels.rows(
        "Blocked or downgraded",
        "One row for each endpoint that is blocked or downgraded, once it is confirmed, and when a probe last "
        "found it as it is meant.",
        [
            panels.instant(f"{endpoints('mailport_endpoint_blocked')} == 1", ref="A"),
            panels.instant(f"{endpoints('mailport_endpoint_downgraded')} == 1", ref="B"),
            panels.instant(
                f"(time() - {endpoints('mailport_probe_success_timestamp_seconds')} and on ({BY_ENDPOINT}) {troubled})"
                f" or on ({BY_ENDPOINT}) ({troubled} * 0 - 1)",
                ref="C",
            ),
        ],
        {
            "host": "Host",
            "address": "Address",
            "port": "Port",
            "protocol": "Protocol",
            "Value #A": "Blocked",
            "Value #B": "Downgraded",
            "Value #C": "Last worked",
        },
        sort="Host",
    )
    panels.column(panel, "Blocked", **panels.coloured({"1": ("blocked", CRITICAL)}))
    panels.column(panel, "Downgraded", **panels.coloured({"1": ("downgraded", WARNING)}))
    never = panels.words({"-1": ("never seen to", NEUTRAL)})
    panels.column(panel, "Last worked", unit="s", decimals=0, mappings=never)
    panels.column(panel, "Host", links=[{"title": "This endpoint", "url": shell.ENDPOINT_PAGE}])
    return panel


def _states() -> TimeSeries:
    panel = panels.lines(
        "Endpoints by state",
        "How many endpoints are in each state. Unknown is our own network's fault or not decidable.",
        [
            panels.query(
                f"sum by (state) ({endpoints('mailport_endpoint_state', ENDPOINT, 'state')}) > 0", "{{state}}"
            )
        ],
        stacked=True,
    )
    for state, colour in panels.STATES.items():
        panels.paint(panel, state, colour)
    return panel


def _levels() -> TimeSeries:
    panel = panels.lines(
        "Endpoints by level of protection",
        "0 none reachable, 1 plaintext only, 2 TLS 1.1 or a certificate that does not verify, 3 TLS 1.2, "
        "4 TLS 1.3, 5 also DANE or an enforced MTA-STS policy.",
        [panels.query(f'count_values("level", {endpoints("mailport_endpoint_level")})', "{{level}}")],
        stacked=True,
    )
    for level, (_, colour) in panels.LEVELS.items():
        panels.paint(panel, level, colour)
    return panel


def _usable() -> TimeSeries:
    return panels.lines(
        "Usable endpoints, by port",
        "The share of the endpoints of each port that a client could use as they are meant.",
        [panels.query(f"avg by (port) ({endpoints('mailport_probe_success')})", "{{port}}")],
        unit="percentunit",
    ).max(1)


def _expiring() -> BarGauge:
    return panels.bars(
        "Certificates that expire first",
        "The time that is left, by host, whichever of its ports shows the certificate that expires first.",
        f"sort(bottomk(12, min by (host) ({known('mailport_certificate_not_after_timestamp_seconds')}) - time()))",
        "{{host}}",
        panels.steps(CRITICAL, (7 * 86400, WARNING), (21 * 86400, GOOD)),
        unit="s",
    )


def _domains() -> Table:
    names = {"mx": "Receiving", "submission": "Sending", "imap": "IMAP", "pop3": "POP3"}
    where = 'domain=~"$domain"'
    panel = panels.rows(
        "Domains, by the best level that each service gives",
        "One row a domain. Recommended: secure submission and IMAP on 993 both work, and POP3 on 995 where it "
        "is published.",
        [
            panels.instant(
                f"max by (domain) "
                f"(mailport_domain_recommended{{{where}}} or domain:mailport_domain_client_ready:min{{{where}}})",
                ref="R",
            ),
            *(
                panels.instant(
                    f'max by (domain) (mailport_domain_level{{{where},service="{service}"}})', ref=ref
                )
                for ref, service in zip("ABCD", names, strict=True)
            ),
        ],
        {
            "domain": "Domain",
            **{f"Value #{ref}": heading for ref, heading in zip("ABCD", names.values(), strict=True)},
            "Value #R": "Recommended",
        },
        sort="Domain",
    )
    for heading in names.values():
        panels.column(panel, heading, **panels.coloured(LEVELS))
    panels.column(panel, "Recommended", **panels.coloured(YES_NO))
    panels.column(panel, "Domain", links=[{"title": "This domain", "url": shell.DOMAIN_PAGE}])
    return panel


def _egress(what: str) -> StateTimeline:
    titles = {
        "blocked": (
            "Our own network blocks",
            "Whether anything gets out to the port from here, by control servers.",
        ),
        "intercepted": (
            "Our own network intercepts",
            "Whether something here answers the port in the servers' place, by control servers.",
        ),
    }
    title, description = titles[what]
    # Without an answer of control servers nothing is known, which must not look like "no".
    nothing = "max by (port) (mailport_endpoint_level) * 0 - 1"
    targets = [panels.query(f"max by (port) (mailport_egress_{what}) or {nothing}", "{{port}}")]
    known = {"-1": ("cannot be told", panels.NEUTRAL_BAND)} | IS_TROUBLE
    return panels.band(title, description, targets, known).span(12).height(7)


def _phases(quantile: float) -> TimeSeries:
    name = "median" if quantile == 0.5 else f"{quantile:.0%} are faster"
    buckets = 'sum by (phase, le) (rate(mailport_phase_duration_seconds_bucket{protocol=~"$protocol"}[$__rate_interval]))'
    return panels.lines(
        f"Time of each phase, {name}",
        "Over all endpoints of the protocols chosen.",
        [panels.query(f"histogram_quantile({quantile}, {buckets})", "{{phase}}")],
        unit="s",
    )


def _own() -> Iterator[TimeSeries]:
    yield panels.lines(
        "Probes a second, by the state found",
        "Since the scanner's counters; over all endpoints.",
        [panels.query("sum by (state) (rate(mailport_probes_total[$__rate_interval]))", "{{state}}")],
        unit="cps",
    ).span(8)
    yield panels.lines(
        "Late by",
        "How late probes start against their plan, and how old the oldest result is.",
        [
            panels.query("max(mailport_scheduler_lag_seconds)", "behind the plan"),
            panels.query("time() - min(mailport_probe_timestamp_seconds)", "oldest result", "B"),
        ],
        unit="s",
    ).span(8)
    yield panels.lines(
        "Workers",
        "Workers of the pool, how many of them probe, and how many endpoints wait for one.",
        [
            panels.query("sum(mailport_pool_workers)", "workers"),
            panels.query("sum(mailport_pool_busy)", "busy", "B"),
            panels.query("sum(mailport_queue_length)", "waiting", "C"),
        ],
    ).span(8)
