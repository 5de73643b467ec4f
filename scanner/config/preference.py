"""Reads which port for sending is to be preferred."""

from scanner.config.problem import describe_value
from scanner.model.ports import Preference


def read_preference(value: object) -> Preference:
    """Read 587, 465 or rfc8314; in YAML a port is a number."""
    try:
        return Preference(str(value))
    except ValueError:
        known = ", ".join(Preference)
        raise ValueError(f"must be one of {known} (got {describe_value(value)})") from None
