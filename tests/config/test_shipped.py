"""The configuration and the documentation that are shipped agree with the code."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import BaseModel

from scanner.config import Settings, load_settings, parse_settings
from scanner.model import PORTS
from scanner.model.target import parse_target
from scanner.model.target_lines import read_target_lines

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "config" / "mailport.yml"
DOCUMENTATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z_.]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \| `([^`|]+)` \|$", re.MULTILINE)


def flatten(document: dict[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in document.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def field_names() -> set[str]:
    return set(names_in(Settings)) - {"target_file", "exclude_file"}


def names_in(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, info in section.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from names_in(info.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_the_documentation_has_every_key_once() -> None:
    documented = [match[1] for match in ROW.finditer(DOCUMENTATION)]
    assert sorted(documented) == sorted(field_names())


def test_the_documented_defaults_are_those_of_the_code() -> None:
    defaults = flatten(Settings().as_document())
    del defaults["targets"]
    documented = {match[1]: yaml.safe_load(match[3].strip("`")) for match in ROW.finditer(DOCUMENTATION)}
    del documented["targets"]
    assert documented == defaults


def test_the_documented_examples_are_accepted_and_not_the_default() -> None:
    for match in ROW.finditer(DOCUMENTATION):
        key, example = match[1], match[5]
        if key.endswith(("ca_file", "password_file")):  # there are no such files here
            continue
        first, *inner = key.split(".")
        line = f"{first}: {''.join(f'{{{name}: ' for name in inner)}{example}{'}' * len(inner)}"
        if key == "cluster.vantages":  # their workers need a broker
            line = f'cluster: {{broker: "redis://redis:6379/0", vantages: {example}}}'
        text = line if key == "targets" else f"targets: [example.org]\n{line}"
        settings = parse_settings(text, source=key, base=ROOT, environ={})
        assert settings != Settings(targets=(parse_target("example.org"),)), key


def test_the_documented_targets_are_accepted() -> None:
    table = DOCUMENTATION.partition("## Targets")[2].partition("## Keys")[0]
    forms = [form.strip('"') for form in re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)]
    assert len(forms) == 7
    for form in forms:
        parse_target(form)
    for scheme, port in re.findall(r"`([a-z0-9]+://)` (\d+)", table):
        assert parse_target(f"{scheme}h").port == int(port)


def test_the_shipped_configuration_has_every_key_with_its_default() -> None:
    settings = load_settings(SHIPPED, {})
    assert settings.model_copy(update={"targets": ()}) == Settings()
    written = flatten(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")))
    assert set(written) == field_names()


def test_the_shipped_configuration_watches_the_four_providers() -> None:
    targets = load_settings(SHIPPED, {}).targets
    assert [str(target) for target in targets] == ["gmail.com", "outlook.com", "yahoo.com", "zoho.com"]


def test_the_four_slots_of_oudel_are_the_operators_to_fill_in() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    slots = re.findall(r"^  # - (\S+) +# Oudel, (.+)$", text, re.MULTILINE)
    assert [name for _, name in slots] == [
        "Email Server 1",
        "Email Server 2",
        "Email Server 3",
        "10K Inbox Server",
    ]
    filled_in = re.sub(r"^  # - ", "  - ", text, flags=re.MULTILINE)
    settings = parse_settings(filled_in, source="filled in", base=ROOT, environ={})
    assert len(settings.targets) == len(load_settings(SHIPPED, {}).targets) + len(slots)
    assert all(parse_target(host).port in PORTS for host, _ in slots)


def test_the_shipped_list_of_targets_can_be_read() -> None:
    with (ROOT / "config" / "targets.txt").open(encoding="utf-8") as lines:
        assert len(read_target_lines(lines, duplicates="report")) == 4
