"""The settings of the vantages beside the main one: what is probed from there, how often and how fast."""

from typing import Annotated

from pydantic import BeforeValidator

from scanner.config import values
from scanner.config.section import Section


class VantageSettings(Section):
    """Another place that is looked from, whose workers have this `vantage` in their own settings."""

    name: Annotated[str, BeforeValidator(values.read_vantage)]
    """As its workers have it under `vantage`."""
    interval: Annotated[float, BeforeValidator(values.duration(at_least=1.0))] = 3600.0
    """Seconds between two probes of an endpoint from there, while nothing is in doubt."""
    rate: Annotated[float, BeforeValidator(values.number(0))] = 1.0
    """Connections started a second from there; 0 = as many as there are."""
    targets: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(values.optional(values.list_of(values.read_target))),
    ] = None
    """Which targets are probed from there: domains, hosts, or one port of a host; None = all."""


def check_names(vantages: tuple[VantageSettings, ...]) -> tuple[VantageSettings, ...]:
    """Refuse two vantages of one name."""
    names = [each.name for each in vantages]
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise ValueError(f"{', '.join(doubles)}: is twice here; keep one")
    return vantages
