"""Which families belong to which `metrics.detail`."""

from scanner.config.metrics_settings import Detail

MINIMAL = frozenset(
    {
        "mailport_probe_success",
        "mailport_probe_timestamp_seconds",
        "mailport_endpoint_reason_info",
        "mailport_endpoint_blocked",
        "mailport_endpoint_downgraded",
        "mailport_endpoint_verdict",
        "mailport_endpoint_level",
        "mailport_certificate_not_after_timestamp_seconds",
        "mailport_certificate_info",
        "mailport_domain_discovery_success",
        "mailport_domain_endpoint_info",
        "mailport_domain_service_up",
        "mailport_domain_level",
    }
)
"""The families of endpoints and domains that the alerts and objectives ask for; all else that is not
about single endpoints or domains is in every scrape."""

FULL_ONLY = frozenset(
    {"mailport_certificate_not_before_timestamp_seconds", "mailport_endpoint_duration_seconds"}
)
"""What only `full` shows."""


def is_shown(name: str, detail: Detail) -> bool:
    """Tell whether a family of endpoints or domains is part of a scrape."""
    if detail is Detail.MINIMAL:
        return name in MINIMAL
    return detail is Detail.FULL or name not in FULL_ONLY
