"""Reads a rendered document back with prometheus_client's own parsers."""

from collections.abc import Mapping

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from scanner.metrics import Exposition


def read(exposition: Exposition, *, openmetrics: bool = False) -> dict[str, Metric]:
    """Return the families by name; a family that is there twice is an error."""
    document = exposition.render(openmetrics=openmetrics).decode()
    families = list((read_openmetrics if openmetrics else read_text)(document))
    by_name = {family.name: family for family in families}
    assert len(by_name) == len(families)
    return by_name


def samples(exposition: Exposition, name: str) -> list[tuple[Mapping[str, str], float]]:
    """Return labels and value of every sample of one family; none when the family is absent."""
    family = read(exposition).get(name)
    return [] if family is None else [(sample.labels, sample.value) for sample in family.samples]


def value(exposition: Exposition, name: str) -> float:
    """Return the value of the family's only sample."""
    ((_, only),) = samples(exposition, name)
    return only
