"""The selectors and PromQL that the panels share."""

ENDPOINT = 'host=~"$host",port=~"$port",protocol=~"$protocol"'
"""The endpoints that the variables of the overview and endpoint dashboards select."""

BY_ENDPOINT = "host, address, port, protocol"
"""What makes an endpoint. Two scanners that watch the same one (a pair kept for safety) must not count twice."""

JOIN = "on (host, address, port) group_left (source)"


def endpoints(metric: str, where: str = ENDPOINT, *labels: str) -> str:
    """The metric of the selected endpoints, each once however many scanners watch it; labels are kept as well."""
    return f"max by ({', '.join((BY_ENDPOINT, *labels))}) ({metric}{{{where}}})"


def of_domain(metric: str, *labels: str) -> str:
    """The metric of the endpoints of the domain $domain, with the source that named each."""
    domain = 'max by (host, address, port, source) (mailport_domain_endpoint_info{domain="$domain"})'
    kept = ", ".join(("host", "address", "port", "protocol", *labels))
    return f"max by ({kept}) ({metric}) * {JOIN} topk by (host, address, port) (1, {domain})"


def known(metric: str, where: str = ENDPOINT) -> str:
    """The last known value of an hour: a certificate is there even where a probe did not get that far."""
    return f"max by ({BY_ENDPOINT}) (last_over_time({metric}{{{where}}}[1h]))"
