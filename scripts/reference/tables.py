"""The tables of keys in docs/: type and default are the code's, meaning and example stay as written."""

import inspect
import re
from collections.abc import Iterator

from pydantic import BaseModel

from scanner.config.catalogue import Evidence, Provider, Server, SignIn
from scanner.config.control_entries import ControlEntry
from scanner.config.settings import PolicyOverride, Settings
from scanner.config.vantage_settings import VantageSettings
from scanner.config.web_config import WebConfig
from scripts.reference.keys import Key, keys_of, sections_of

MODELS: dict[str, tuple[type[BaseModel], str]] = {
    "Settings": (Settings, ""),
    "PolicyOverride": (PolicyOverride, "policy.overrides[]."),
    "VantageSettings": (VantageSettings, "cluster.vantages[]."),
    "ControlEntry": (ControlEntry, "controls.ports.PORT[]."),
    "Provider": (Provider, "catalogue[]."),
    "Server": (Server, "catalogue[].SERVICE[]."),
    "SignIn": (SignIn, "catalogue[].login."),
    "Evidence": (Evidence, "catalogue[].evidence[]."),
    "WebConfig": (WebConfig, ""),
}
"""What can stand in a marker, with what stands before the names of its keys."""

PART = re.compile(r"(<!-- keys of (\w+): [^>]*-->\n)(.*?)(<!-- end of keys -->)", re.DOTALL)
_ROW = re.compile(r"^\| `([^`]+)` \| (?:[^|\n]*) \| (?:[^|\n]*) \| ([^|\n]*) \| ([^|\n]*) \|$", re.MULTILINE)
_HEAD = "| Key | Type | Default | Meaning | Example |\n|---|---|---|---|---|\n"


def write_tables(text: str) -> str:
    """Return a document with its tables of keys as the code has the keys now."""
    return PART.sub(lambda part: f"{part[1]}\n{_write(part[2], part[3])}\n{part[4]}", text)


def unexplained(text: str) -> list[str]:
    """Return the keys of a document's tables that lack a meaning or an example."""
    return [name for name, *words in _ROW.findall(text) if not all(map(str.strip, words))]


def _write(model_name: str, written: str) -> str:
    words = {name: (meaning, example) for name, meaning, example in _ROW.findall(written)}
    model, prefix = MODELS[model_name]
    if model is not Settings:
        return _table(_own_keys(model, prefix), words)
    return "\n".join(_chapters(words))


def _own_keys(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    """Yield the keys of a section and of those in it that have no table of their own."""
    apart = {other for other, _ in MODELS.values()} - {model}
    for before, section in sections_of(model, prefix):
        if section not in apart:
            yield from keys_of(section, before)


def _chapters(words: dict[str, tuple[str, str]]) -> Iterator[str]:
    for prefix, section in sections_of(Settings):
        keys = list(keys_of(section, prefix))
        title = f"`{prefix.rstrip('.')}`" if prefix else "At the top"
        about = "" if not prefix else f"{(inspect.getdoc(section) or '').splitlines()[0]}\n\n"
        yield f"### {title}\n\n{about}{_table(keys, words)}"


def _table(keys: Iterator[Key] | list[Key], words: dict[str, tuple[str, str]]) -> str:
    rows = []
    for key in keys:
        meaning, example = words.get(key.name, ("", ""))
        rows.append(f"| `{key.name}` | {key.type} | {key.default} | {meaning} | {example} |\n")
    return _HEAD + "".join(rows)
