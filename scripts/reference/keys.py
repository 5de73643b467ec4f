"""What the code knows of every key of a section: its full name, its type in words, its default."""

import json
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

_WRONG: dict[str, object] = {"?": object()}
"""A value that no key takes; what the key says of it is what it does take."""
_IN_WORDS = {
    "must be a list": "list",
    "must be a section with keys of its own": "section",
    "must be a time, more than 0": "time, more than 0",
}
# Those that the loader reads by itself, or that take more than one form.
_SPECIAL = {
    "targets": "list of targets, or `{file: PATH}`",
    "exclude": "list of names, addresses and networks, or `{file: PATH}`",
    "controls.ports": "section of lists by port",
    "controls.dark": "IP address, or `null`",
    "events.webhook_headers": "section of headers, each a text",
    "basic_auth_users": "section of names with a bcrypt hash each",
    "http_server_config.headers": "section of headers, each a text",
    "store.url": "`sqlite:///FILE` or `postgresql://USER@HOST/DATABASE`, or `null`",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file."""

    name: str
    type: str
    default: str
    """As YAML in the form of one line; "needed" where there is none."""


def sections_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield a section and those inside it, each with what stands before the names of its keys."""
    yield prefix, model
    for name, info in model.model_fields.items():
        inner = _section_in(info.annotation)
        if inner is not None:
            yield from sections_of(inner, f"{prefix}{name}.")


def keys_of(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    """Yield the keys of a section that hold values, in the order of the code."""
    for name, info in model.model_fields.items():
        if _section_in(info.annotation) is None and name not in {"target_file", "exclude_file"}:
            full = prefix + name
            default = "needed" if full == "targets" else _default_of(info)
            yield Key(full, _SPECIAL.get(full) or _type_of(info), default)


def _section_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - annotations have no type of their own
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Union, types.UnionType}:
        found = [_section_in(one) for one in get_args(annotation)]
        return next((one for one in found if one is not None), None)
    return None


def _default_of(info: FieldInfo) -> str:
    if info.is_required():
        return "needed"
    value = info.get_default(call_default_factory=True)
    if isinstance(value, tuple):
        return f"`[{', '.join(map(_as_yaml, value))}]`"
    return f"`{_as_yaml(value)}`"


def _as_yaml(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, float) and value == int(value):
        value = int(value)
    text = json.dumps(value, ensure_ascii=False)
    # Plain words stand without quotes, as people write them.
    return text[1:-1] if re.fullmatch(r'"[A-Za-z][\w.-]*"', text) else text


def _type_of(info: FieldInfo) -> str:
    # The empty text is a place for the metadata where a key has none.
    annotation: Any = Annotated[info.annotation, "", *info.metadata]
    adapter: TypeAdapter[object] = TypeAdapter(annotation)
    words = _ask(adapter, _WRONG)
    if words == "list":
        each = _ask(adapter, [_WRONG])
        is_plural = each.startswith("one of ") or each == "sections"
        words = f"list of {each.removeprefix('one of ')}" if is_plural else f"list, each {each}"
    words = re.sub(r"^(?:a|an|the) ", "", words)
    return f"{words}, or `null`" if _takes(adapter, None) and not words.endswith("null") else words


def _takes(adapter: TypeAdapter[object], value: object) -> bool:
    try:
        return adapter.validate_python(value) is None
    except ValidationError:
        return False


def _ask(adapter: TypeAdapter[object], wrong: object) -> str:
    """Return what a key says that it must be."""
    try:
        adapter.validate_python(wrong)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if "ctx" not in first:
            # The entries are sections with keys of their own.
            return "sections"
        message = str(first["msg"]).removeprefix("Value error, ")
        return _put(re.sub(r" \(got .*\)$", "", message))
    raise AssertionError(f"takes {wrong!r}")


def _put(message: str) -> str:
    """Put what a mistake is told by into the words of a table."""
    words = message.removeprefix("must be ").partition(": seconds,")[0]
    words = _IN_WORDS.get(message, words)
    if words.startswith("one of "):
        every = words.removeprefix("one of ").removeprefix("the mail ports ").split(", ")
        return "one of " + ", ".join(f"`{name}`" for name in every)
    return re.sub(r'(https?://[^\s"]+|\*)', r"`\1`", words)
