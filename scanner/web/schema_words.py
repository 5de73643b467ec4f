"""The words in which the models of the OpenAPI document are written: a little of JSON Schema."""

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

PREFIX = "#/components/schemas/"
SEVERITIES = ["notice", "warning", "critical"]
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": 0}
LEVEL: Schema = {"type": "integer", "minimum": 0, "maximum": 5}
MOMENT: Schema = {"type": "string", "format": "date-time"}
FREE: Schema = {"type": "object"}


def ref(name: str) -> Schema:
    """Return a reference to a model."""
    return {"$ref": f"{PREFIX}{name}"}


def object_of(**properties: Schema) -> Schema:
    """Return an object of which every property is needed."""
    return {"type": "object", "required": list(properties), "properties": properties}


def list_of(items: Schema) -> Schema:
    """Return a list."""
    return {"type": "array", "items": items}


def or_null(one: Schema) -> Schema:
    """Return what may be null."""
    return {"anyOf": [one, {"type": "null"}]}


def one_of(values: Any) -> Schema:  # noqa: ANN401 - an enumeration, or a list
    """Return a text that is one of these."""
    return {"type": "string", "enum": [str(value) for value in values]}
