"""One endpoint: its state over time, how long each phase takes, TLS versions, certificate."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.builders.table import Panel as Table

from scripts.dashboards import panels, shell
from scripts.dashboards.panels import CRITICAL, GOOD, IS_TROUBLE, LEVELS, NEUTRAL, WARNING, YES_NO
from scripts.dashboards.queries import ENDPOINT, endpoints, known

_WHO = "{{host}}:{{port}} {{address}}"


def build() -> Dashboard:
    """Return the dashboard."""
    dashboard = shell.begin(
        "mailport-endpoint",
        "mailport endpoint",
        "One port of one mail server, at each of its addresses: what was found and when, how long each phase "
        "takes, TLS versions and the certificate.",
    ).with_variable(shell.one("host", "Host", "label_values(mailport_endpoint_state, host)"))
    dashboard = shell.with_ports(dashboard)
    for panel in (
        panels.word(
            "Usable",
            "Whether a client could use all that is chosen as it is meant, TLS included.",
            f"min({endpoints('mailport_probe_success')})",
            YES_NO,
        ),
        panels.word(
            "Level",
            "The protection that a client gets, the lowest of all that is chosen.",
            f"min({endpoints('mailport_endpoint_level')})",
            LEVELS,
        ),
        panels.word(
            "Blocked",
            "Whether the target's side blocks the port, once it is confirmed.",
            f"max({endpoints('mailport_endpoint_blocked')})",
            IS_TROUBLE,
        ),
        panels.word(
            "Downgraded",
            "Whether it protects less than before, declared or published, once it is confirmed.",
            f"max({endpoints('mailport_endpoint_downgraded')})",
            IS_TROUBLE,
        ),
        panels.number(
            "Certificate, time left",
            "Until the certificate expires; the first where several are shown.",
            f"min({known('mailport_certificate_not_after_timestamp_seconds')} - time())",
            panels.steps(CRITICAL, (7 * 86400, WARNING), (21 * 86400, GOOD)),
            unit="s",
        ).no_value("none seen"),
        panels.number(
            "Domains that depend on it",
            "How many watched domains lead here.",
            f"max({endpoints('mailport_endpoint_domains')})",
            panels.steps(NEUTRAL),
        ),
    ):
        dashboard = dashboard.with_panel(panel)
    dashboard = dashboard.with_panel(_states()).with_panel(_verdicts())
    dashboard = dashboard.with_row(Row("How fast it answers")).with_panel(
        panels.lines(
            "Time of each phase",
            "Of the last probe, the phases on top of each other; a phase that did not happen is absent. Mean over what is chosen.",
            [
                panels.query(
                    f"avg by (phase) ({endpoints('mailport_probe_phase_seconds', ENDPOINT, 'phase')})",
                    "{{phase}}",
                )
            ],
            unit="s",
            stacked=True,
        )
    )
    dashboard = dashboard.with_panel(
        panels.lines(
            "Whole probe",
            "How long each probe took.",
            [panels.query(endpoints("mailport_probe_duration_seconds"), _WHO)],
            unit="s",
        )
    )
    dashboard = dashboard.with_row(Row("TLS")).with_panel(_versions()).with_panel(_negotiated())
    dashboard = dashboard.with_panel(_certificates()).with_panel(_banners())
    return shell.end(dashboard)


def _states() -> StateTimeline:
    which = {str(number): (state, colour) for number, (state, colour) in enumerate(panels.STATES.items())}
    numbered = " or ".join(f"({_in_state(state)} == 1) * {number}" for number, (state, _) in which.items())
    return panels.band(
        "State",
        "What each probe found, by address. Unknown is our own network's fault or not decidable.",
        [panels.query(numbered, _WHO)],
        which,
    )


def _in_state(state: str) -> str:
    return endpoints("mailport_endpoint_state", f'{ENDPOINT},state="{state}"')


def _verdicts() -> Table:
    return panels.rows(
        "Findings",
        "The standing verdicts; the status page has the evidence and the advice.",
        [panels.instant(endpoints("mailport_endpoint_verdict", ENDPOINT, "verdict", "kind", "severity"))],
        {
            "severity": "Severity",
            "kind": "Kind",
            "verdict": "Verdict",
            "address": "Address",
            "port": "Port",
        },
        sort="Severity",
    ).height(7)


def _versions() -> Table:
    panel = panels.rows(
        "TLS versions accepted",
        "By the last listing of versions; a version that could not be told is absent.",
        [panels.instant(endpoints("mailport_tls_version_accepted", ENDPOINT, "version"))],
        {"port": "Port", "address": "Address", "version": "Version", "Value": "Accepted"},
        sort="Version",
    ).span(12)
    accepted = {"0": ("no", NEUTRAL), "1": ("yes", GOOD)}
    panels.column(panel, "Accepted", **panels.coloured(accepted))
    return panel


def _negotiated() -> Table:
    return panels.rows(
        "Negotiated",
        "What the last probe and the server agreed on.",
        [panels.instant(endpoints("mailport_tls_version_info", ENDPOINT, "version", "cipher", "group"))],
        {"port": "Port", "address": "Address", "version": "Version", "cipher": "Cipher", "group": "Group"},
        sort="Port",
    ).span(12)


def _certificates() -> Table:
    panel = panels.rows(
        "Certificates",
        "As presented, verified or not.",
        [
            panels.instant(
                endpoints("mailport_certificate_info", ENDPOINT, "subject", "issuer", "fingerprint_sha256"),
                ref="A",
            ),
            panels.instant(endpoints("mailport_certificate_verified"), ref="B"),
            panels.instant(f"{known('mailport_certificate_not_after_timestamp_seconds')} - time()", ref="C"),
        ],
        {
            "port": "Port",
            "address": "Address",
            "subject": "Subject",
            "issuer": "Issuer",
            "Value #B": "Verified",
            "Value #C": "Time left",
            "fingerprint_sha256": "SHA-256",
        },
        sort="Port",
    ).height(7)
    panels.column(panel, "Verified", **panels.coloured(YES_NO))
    panels.column(panel, "Time left", unit="s", decimals=0)
    return panel


def _banners() -> Table:
    return panels.rows(
        "Greeting",
        "Without ids, dates and addresses, and the software that it names.",
        [panels.instant(endpoints("mailport_banner_info", ENDPOINT, "software", "banner"))],
        {"port": "Port", "address": "Address", "software": "Software", "banner": "Greeting"},
        sort="Port",
    ).height(7)
