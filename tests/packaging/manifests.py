"""Reads the manifests as kustomize does: resources, images, generated names, and patches of an overlay."""

from pathlib import Path
from typing import Any

import yaml

from tests.packaging.conftest import ROOT

FOLDER = ROOT / "packaging" / "kubernetes"
Document = dict[str, Any]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def documents(folder: Path) -> dict[str, Document]:
    """Return every resource of a kustomization by its kind, patched; generated ones are left out."""
    found = resources(folder)
    by_kind = {document["kind"]: document for document in found.values()}
    assert len(by_kind) == len(found), "there are several of a kind: ask for them by their names"
    return by_kind


def resources(folder: Path) -> dict[str, Document]:
    """Return the same by KIND/NAME."""
    wanted = load(folder / "kustomization.yml")
    found: dict[str, Document] = {}
    for name in wanted["resources"]:
        if (folder / name).is_dir():
            found |= resources(folder / name)
        else:
            document = load(folder / name)
            found[name_of(document)] = document
    for patch in wanted.get("patches", ()):
        document = load(folder / patch["path"])
        if document.pop("$patch", None) == "delete":
            del found[name_of(document)]
            continue
        # A strategic merge knows the lists of Kubernetes' own kinds; those of others are replaced.
        is_known = not document["apiVersion"].startswith("monitoring.")
        found[name_of(document)] = merge(found[name_of(document)], document, is_strategic=is_known)
    return found


def name_of(document: Document) -> str:
    """KIND/NAME, as kubectl says it."""
    return f"{document['kind']}/{document['metadata']['name']}"


def merge(old: Any, new: Any, *, is_strategic: bool) -> Any:
    """Merge a patch: sections by key, lists of named things by name, anything else is replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        new = dict(new)
        if new.pop("$patch", None) == "replace":
            return new
        merged = {key: merge(old.get(key), value, is_strategic=is_strategic) for key, value in new.items()}
        return old | merged
    if is_strategic and is_named(old) and is_named(new):
        named = {each["name"]: each for each in old}
        merged = {each["name"]: merge(named.get(each["name"]), each, is_strategic=True) for each in new}
        return list((named | merged).values())
    return new


def is_named(value: Any) -> bool:
    """Whether this is a list of things that have names."""
    return isinstance(value, list) and all(isinstance(each, dict) and "name" in each for each in value)
