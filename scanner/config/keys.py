"""Knows which keys there are, and which one was meant."""

import re
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel

from scanner.config.account_settings import Account
from scanner.config.catalogue import Provider
from scanner.config.control_entries import ControlEntry
from scanner.config.document import Document, KeyPath
from scanner.config.problem import Problem
from scanner.config.settings import PolicyOverride, Settings
from scanner.config.web_settings import WebProbeSettings
from scanner.model.target import quote

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")
_SECTIONS: dict[str, frozenset[str]] = {
    name: frozenset(info.annotation.model_fields)
    for name, info in Settings.model_fields.items()
    if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
}
_SECTIONS["targets"] = _SECTIONS["exclude"] = frozenset({"file"})
_TOP = frozenset(Settings.model_fields) - {"target_file", "exclude_file"}


def write_key(path: KeyPath) -> str:
    """Write a path for people: `limits.rate`, `targets[2]`."""
    written = ""
    for part in path:
        if isinstance(part, int):
            written += f"[{part}]"
        else:
            dot = "." if written else ""
            written += dot + (part if _PLAIN_KEY.fullmatch(part) else quote(part))
    return written


def take_unknown(document: dict[str, object]) -> list[tuple[KeyPath, str]]:
    """Take the keys that mean nothing out of a document; return each with what was probably meant."""
    found = _take(document, (), _TOP)
    for name, known in _SECTIONS.items():
        section = document.get(name)
        if isinstance(section, dict):
            found += _take(section, (name,), known)
    policy = document.get("policy")
    if isinstance(policy, dict) and isinstance(policy.get("overrides"), list):
        found += take_below(policy.get("overrides"), ("policy", "overrides"), PolicyOverride)
    web = document.get("web")
    if isinstance(web, dict):
        found += take_below(web.get("probe"), ("web", "probe"), WebProbeSettings)
    controls = document.get("controls")
    lists = controls.get("ports") if isinstance(controls, dict) else None
    if isinstance(lists, dict):
        for port, entries in lists.items():
            found += take_below(entries, ("controls", "ports", port), ControlEntry)
    found += take_below(document.get("accounts"), ("accounts",), Account)
    return found + take_below(document.get("catalogue"), ("catalogue",), Provider)


def take_below(value: object, path: KeyPath, model: type[BaseModel]) -> list[tuple[KeyPath, str]]:
    """Take the unknown keys out of a section, or out of all in a list, and out of what is in them."""
    if isinstance(value, list):
        return [one for index, item in enumerate(value) for one in take_below(item, (*path, index), model)]
    if not isinstance(value, dict):
        return []
    found = _take(value, path, frozenset(model.model_fields))
    for key, info in model.model_fields.items():
        part = _find_part(info.annotation)
        if part is not None and key in value:
            found += take_below(value[key], (*path, key), part)
    return found


def _find_part(annotation: object) -> type[BaseModel] | None:
    """Return the kind of section that a key holds, also as a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((part for inner in get_args(annotation) if (part := _find_part(inner)) is not None), None)


def _take(section: dict[str, object], path: KeyPath, known: frozenset[str]) -> list[tuple[KeyPath, str]]:
    """Take the unknown keys out of one section."""
    unknown = [key for key in section if key not in known]
    for key in unknown:
        del section[key]
    return [((*path, key), f"unknown key; {_hint(key, known)}") for key in unknown]


def _hint(key: str, known: frozenset[str]) -> str:
    """Say which key was probably meant: a like one here, or the same one in another section."""
    close = get_close_matches(key.lower()[:60].replace("-", "_"), sorted(known), n=1)
    if close:
        return f"did you mean {close[0]}?"
    elsewhere = [f"{name}.{key}" for name, keys in _SECTIONS.items() if key in keys]
    elsewhere += [key] if key in _TOP else []
    if elsewhere:
        return f"did you mean {' or '.join(elsewhere)}?"
    return f"known here: {', '.join(sorted(known))}"


def problem_at(document: Document, source: str, path: KeyPath, message: str) -> Problem:
    """Make a problem with the line of its key."""
    return Problem(source, document.line_of(path), write_key(path), message)
