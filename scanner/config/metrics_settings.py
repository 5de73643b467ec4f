"""The settings of the scrape: how much of each endpoint it shows."""

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator

from scanner.config import values
from scanner.config.section import Section


class Detail(StrEnum):
    """How much the scrape shows."""

    MINIMAL = "minimal"
    """What the shipped alerts ask for."""
    STANDARD = "standard"
    """Every series that the documentation names, but those of `full`."""
    FULL = "full"
    """A histogram for each endpoint as well."""


class MetricsSettings(Section):
    """What the scrape shows."""

    detail: Annotated[Detail, BeforeValidator(values.one_of(*Detail))] = Detail.STANDARD
