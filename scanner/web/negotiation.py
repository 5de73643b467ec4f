"""Chooses the form of a scrape from the request's Accept headers (RFC 9110 section 12.5)."""

from collections.abc import Iterator

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"

MAX_ENTRIES = 64


def wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics 1.0 is named and liked at least as much as plain text.

    Whoever names neither, or sends no header, gets plain text: that is what people can read.
    """
    openmetrics = text = 0.0
    for name, options, weight in _entries(accept):
        version = options.get("version")
        if name == "application/openmetrics-text" and version in (None, "1.0.0"):
            openmetrics = max(openmetrics, weight)
        elif name == "text/plain" and version in (None, "0.0.4"):
            text = max(text, weight)
    return openmetrics > 0 and openmetrics >= text


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client takes gzip; a weight of 0 says no, and gzip by name outranks `*`."""
    weights = {name: weight for name, _, weight in _entries(accept_encoding)}
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _entries(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for entry in header.split(",", MAX_ENTRIES)[:MAX_ENTRIES]:
        name, *rest = (part.strip().lower() for part in entry.split(";"))
        options = dict(part.split("=", 1) for part in rest if "=" in part)
        options = {key.strip(): value.strip().strip('"') for key, value in options.items()}
        yield name, options, _weight(options.get("q", "1"))


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
