"""One domain: which of its services work, how well they protect, and by which servers."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.table import Panel as Table

from scripts.dashboards import panels, shell
from scripts.dashboards.panels import GOOD, LEVELS, NEUTRAL, WARNING, YES_NO
from scripts.dashboards.queries import of_domain

_DOMAIN = 'domain="$domain"'
_INFO = f"max by (host, address, port) (mailport_domain_endpoint_info{{{_DOMAIN}}})"

_MTA_STS = (
    f"max by (mode) (mailport_domain_mta_sts_info{{{_DOMAIN}}}) or "
    f'label_replace(max(mailport_domain_discovery_success{{{_DOMAIN}}}), "mode", "none known", "", "")'
)


def build() -> Dashboard:
    """Return the dashboard."""
    dashboard = shell.begin(
        "mailport-domain",
        "mailport domain",
        "The mail servers of one domain: what works, how well it protects, and which endpoints it depends on.",
    ).with_variable(shell.one("domain", "Domain", "label_values(mailport_domain_discovery_success, domain)"))
    for panel in (
        panels.word(
            "Recommended",
            "Whether secure submission (465 or 587) and IMAP on 993 both work, and POP3 on 995 where the domain publishes POP3.",
            f"max(mailport_domain_recommended{{{_DOMAIN}}} or domain:mailport_domain_client_ready:min{{{_DOMAIN}}})",
            YES_NO,
        ),
        panels.word(
            "Servers found",
            "Whether the last discovery found the domain's mail servers, or was told that there are none.",
            f"max(mailport_domain_discovery_success{{{_DOMAIN}}})",
            YES_NO,
        ),
        panels.label_text(
            "MTA-STS",
            "The mode of the domain's MTA-STS policy.",
            _MTA_STS,
            "{{mode}}",
        ),
        panels.word(
            "DANE",
            "Whether every MX host of the domain has secure and usable TLSA records.",
            f"max(mailport_domain_dane{{{_DOMAIN}}})",
            {"0": ("no", NEUTRAL), "1": YES_NO["1"]},
        ),
        panels.number(
            "Endpoints", "How many ports the domain depends on.", f"count({_INFO})", panels.steps(NEUTRAL)
        ),
        panels.number(
            "Findings",
            "Standing verdicts of severity warning or critical about the domain's endpoints.",
            f"""count({of_domain('mailport_endpoint_verdict{severity=~"warning|critical"}', "verdict")}) or vector(0)""",
            panels.steps(GOOD, (1, WARNING)),
        ),
    ):
        dashboard = dashboard.with_panel(panel)
    dashboard = dashboard.with_panel(_services())
    dashboard = dashboard.with_panel(_endpoints()).with_panel(_verdicts())
    dashboard = dashboard.with_row(Row("Over time")).with_panel(_levels())
    dashboard = dashboard.with_panel(
        panels.lines(
            "Whole probe, by endpoint",
            "How long each probe took.",
            [panels.query(of_domain("mailport_probe_duration_seconds"), "{{host}}:{{port}} {{address}}")],
            unit="s",
        )
    ).with_panel(
        panels.lines(
            "Certificates, time left",
            "By host, whichever of its ports shows the certificate that expires first.",
            [
                panels.query(
                    f"min by (host) ({of_domain('mailport_certificate_not_after_timestamp_seconds')}) - time()",
                    "{{host}}",
                )
            ],
            unit="s",
        )
    )
    return shell.end(dashboard)


def _services() -> StateTimeline:
    return panels.band(
        "Services",
        "Whether at least one endpoint of the service works with TLS for this domain.",
        [panels.query(f"max by (service) (mailport_domain_service_up{{{_DOMAIN}}})", "{{service}}")],
        YES_NO,
    ).height(6)


def _levels() -> StateTimeline:
    return panels.band(
        "Best level of each service",
        "0 none reachable, 1 plaintext only, 2 TLS 1.1 or not verified, 3 TLS 1.2, 4 TLS 1.3, 5 also DANE or "
        "an enforced MTA-STS policy.",
        [panels.query(f"max by (service) (mailport_domain_level{{{_DOMAIN}}})", "{{service}}")],
        LEVELS,
    ).height(6)


def _endpoints() -> Table:
    panel = panels.rows(
        "Endpoints",
        "The ports the domain depends on, and where each was learnt.",
        [
            panels.instant(of_domain("mailport_endpoint_level"), ref="A"),
            panels.instant(of_domain("mailport_probe_success"), ref="B"),
            panels.instant(
                f"{of_domain('mailport_certificate_not_after_timestamp_seconds')} - time()", ref="C"
            ),
        ],
        {
            "host": "Host",
            "address": "Address",
            "port": "Port",
            "protocol": "Protocol",
            "source": "Learnt by",
            "Value #B": "Usable",
            "Value #A": "Level",
            "Value #C": "Certificate left",
        },
        sort="Host",
    )
    panels.column(panel, "Usable", **panels.coloured(YES_NO))
    panels.column(panel, "Level", **panels.coloured(LEVELS))
    panels.column(panel, "Certificate left", unit="s", decimals=0)
    panels.column(panel, "Host", links=[{"title": "This endpoint", "url": shell.ENDPOINT_PAGE}])
    return panel


def _verdicts() -> Table:
    panel = panels.rows(
        "Findings",
        "The standing verdicts about the domain's endpoints; the status page has the evidence and the advice.",
        [panels.instant(of_domain("mailport_endpoint_verdict", "verdict", "kind", "severity"))],
        {
            "severity": "Severity",
            "kind": "Kind",
            "verdict": "Verdict",
            "host": "Host",
            "address": "Address",
            "port": "Port",
            "protocol": "Protocol",
        },
        sort="Severity",
    )
    panels.column(panel, "Host", links=[{"title": "This endpoint", "url": shell.ENDPOINT_PAGE}])
    return panel
