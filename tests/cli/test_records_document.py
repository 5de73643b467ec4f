"""docs/records.md tells of every field that the schema and CSV have, and of no other."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from scanner.cli.output import CSV_COLUMNS
from scanner.model.record import schema
from tests.model.schema_check import problems_of
from tests.model.test_record_schema import record_of, with_versions

DOCUMENT = (Path(__file__).parents[2] / "docs" / "records.md").read_text("utf-8")
DEFINITIONS = schema()["$defs"]


def follow(reference: str) -> Mapping[str, Any]:
    """Return what a reference into the schema's definitions points to."""
    place: Any = DEFINITIONS
    for step in reference.removeprefix("#/$defs/").split("/"):
        place = place[step]
    found: Mapping[str, Any] = place
    return found


def properties_of(definition: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the name of every field, those of objects inside after a dot, those of lists after []."""
    for part in (definition, *definition.get("anyOf", ())):
        if "$ref" in part:
            yield from properties_of(follow(part["$ref"]), path)
        if "items" in part:
            yield from properties_of(part["items"], f"{path}[]")
        for name, inner in part.get("properties", {}).items():
            field = f"{path}.{name}" if path else name
            yield field
            yield from properties_of(inner, field)


def section(title: str) -> str:
    return DOCUMENT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows_of(title: str) -> list[list[str]]:
    return [
        re.split(r" \| ", line.strip("| ")) for line in section(title).splitlines() if line.startswith("| `")
    ]


def fields_of(title: str) -> list[str]:
    return [name for row in rows_of(title) for name in re.findall(r"`([^`]+)`", row[0])]


def test_lines_about_a_domain_are_told_field_by_field() -> None:
    finding = set(properties_of(DEFINITIONS["finding"]))
    phases = {f"phases.{name}" for name in DEFINITIONS["phases"]["properties"]}

    assert len(finding) > 20
    assert set(fields_of("Every line")) == finding | phases


def test_lines_with_a_port_are_told_field_by_field() -> None:
    told = [*fields_of("Every line"), *fields_of("Lines with a port")]

    assert sorted(told) == sorted(set(properties_of(DEFINITIONS["endpoint"])))


def test_columns_of_csv_are_told_in_their_order() -> None:
    assert fields_of("CSV") == [name for name, _ in CSV_COLUMNS]


EXAMPLES = [
    (row[0].strip("`"), row[3].strip("`| "))
    for title in ("Every line", "Lines with a port")
    for row in rows_of(title)
    if len(row) == 4 and row[3].startswith("`") and "…" not in row[3]
]


@pytest.mark.parametrize(("field", "example"), EXAMPLES, ids=str)
def test_every_example_is_a_value_that_may_stand_there(field: str, example: str) -> None:
    record = with_versions()
    record["tls"] |= {"preferred_group": None, "post_quantum": None}
    record["standing"] = [dict.fromkeys(("id", "kind", "severity", "since", "seen_at"), "to be replaced")]
    record["standing"][0] |= {name: record["verdicts"][0][name] for name in ("id", "kind", "severity")}
    record["standing"][0] |= dict.fromkeys(("since", "seen_at"), record["started_at"])
    target: Any = record
    steps = field.replace("[]", ".0").split(".", 2 if field.startswith("tls.versions.") else -1)
    for step in steps[:-1]:
        target = target[int(step) if step.isdigit() else step]
    if steps[-1] in {"vantages", "compared_with"}:  # neither is told without the other
        target |= {"vantages": ["rome"], "compared_with": ["rome"]}
    target[steps[-1]] = json.loads(example)
    if field == "reason":
        record["state"] = "blocked"

    assert problems_of(record) == []


def test_the_schema_is_where_it_says() -> None:
    (path,) = re.findall(r"\]\(\.\./(\S+schema\.json)\)", DOCUMENT)

    assert json.loads((Path(__file__).parents[2] / path).read_text("utf-8")) == schema()
    assert record_of()["state"] == "open"
