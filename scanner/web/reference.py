"""The page about every address of the HTTP interface: the OpenAPI document, for people."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from scanner.web.monitor import Watched
from scanner.web.render import render

Schema: TypeAlias = Mapping[str, Any]

MOST_CHOICES = 12
"""Of values that are listed; of more the first ones are."""

routes = APIRouter(tags=["pages"], default_response_class=HTMLResponse)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing that can be asked for."""

    name: str
    place: str
    is_required: bool
    words: str
    description: str


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer that there may be; `model` names what it holds, where that is one of the models."""

    status: str
    description: str
    model: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One address and method."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """What an answer holds: the name of each part, and what is in it."""

    name: str
    parts: tuple[tuple[str, str], ...]


@routes.get("/docs", summary="This list of addresses", response_description="The page")
async def docs(request: Request, monitor: Watched) -> HTMLResponse:
    """Every address of this interface, from its OpenAPI document, without a script or an outside asset."""
    document = request.app.openapi()
    page = render(
        "docs.html",
        monitor=monitor,
        operations=list(_list_operations(document)),
        models=[_read_model(*each) for each in document["components"]["schemas"].items()],
    )
    return HTMLResponse(page)


def _list_operations(document: Schema) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Operation(
                method=method.upper(),
                path=path,
                summary=operation.get("summary", ""),
                description=operation.get("description", ""),
                parameters=tuple(map(_read_parameter, operation.get("parameters", ()))),
                replies=tuple(_read_reply(*each) for each in operation["responses"].items()),
            )


def _read_parameter(parameter: Schema) -> Parameter:
    return Parameter(
        name=parameter["name"],
        place=parameter["in"],
        is_required=parameter.get("required", False),
        words=say_schema(parameter["schema"]),
        description=parameter.get("description", ""),
    )


def _read_reply(status: str, response: Schema) -> Reply:
    schemas = [content.get("schema", {}) for content in response.get("content", {}).values()]
    names = [_name_of(schema) for schema in schemas if "$ref" in schema]
    return Reply(status, response.get("description", ""), names[0] if names else "")


def _read_model(name: str, schema: Schema) -> Model:
    inner = schema.get("items", schema) if schema.get("type") == "array" else schema
    properties = inner.get("properties", {}) if "if" not in schema else {}
    return Model(name, tuple((part, say_schema(each)) for part, each in properties.items()))


def say_schema(schema: Schema) -> str:
    """Return in a few words what a schema lets through."""
    if "$ref" in schema:
        return _name_of(schema)
    if "enum" in schema:
        return _say_choices([str(choice) for choice in schema["enum"]])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(say_schema, schema["anyOf"])))
    if schema.get("type") == "array":
        return f"list of {say_schema(schema.get('items', {}))}"
    words = schema.get("format") or schema.get("type", "anything")
    low, high = schema.get("minimum"), schema.get("maximum")
    bounds = f" {low} to {high}" if low is not None and high is not None else ""
    default = f", else {schema['default']}" if schema.get("default") not in (None, []) else ""
    return f"{words}{bounds}{default}"


def _say_choices(choices: list[str]) -> str:
    more = ", ..." if len(choices) > MOST_CHOICES else ""
    return ", ".join(choices[:MOST_CHOICES]) + more


def _name_of(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
