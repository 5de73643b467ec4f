"""The OpenAPI document: what FastAPI knows of the routes, with our models and our form of errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from scanner.web.problems import MEDIA_TYPE
from scanner.web.schema_words import ref
from scanner.web.schemas import models

API = "/api/"


class Application(FastAPI):
    """FastAPI with an OpenAPI document that says what is really answered."""

    def openapi(self) -> dict[str, Any]:
        """Return the document; it is made once."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            for path, methods in document["paths"].items():
                for operation in methods.values():
                    _mend(operation["responses"], is_api=path.startswith(API))
            document["components"] = {"schemas": dict(models())}
            self.openapi_schema = document
        return self.openapi_schema


def _mend(responses: dict[str, Any], *, is_api: bool) -> None:
    """Give errors the form that they really have."""
    if not is_api:
        responses.pop("422", None)  # pages and operations read their parameters as text
    for status, response in responses.items():
        if is_api and int(status) >= 400:
            if status == "422":
                response["description"] = "A parameter is unknown, of the wrong form, or out of its bounds"
            response["content"] = {MEDIA_TYPE: {"schema": ref("Problem")}}
        elif int(status) == 304:
            response.pop("content", None)
        elif not is_api and int(status) >= 400:
            response["content"] = {"text/plain": {"schema": {"type": "string"}}}
