"""Checks records against the schema that ships with the package."""

from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema import Draft202012Validator

from scanner.model.record import schema

_VALIDATOR = Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def problems_of(record: Mapping[str, Any]) -> list[str]:
    """Return what the schema finds wrong with a record, each with its place."""
    return [f"{error.json_path}: {error.message}" for error in _VALIDATOR.iter_errors(record)]


def check_records(records: Iterable[Mapping[str, Any]]) -> None:
    """Fail with the first record that does not obey the schema."""
    for record in records:
        assert problems_of(record) == [], record
