"""OpenAPI 3.1 from the routes of an application and what their views say of themselves."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from apispec import APISpec
from apispec_webframeworks.flask import FlaskPlugin
from flask import Flask
from pydantic import BaseModel
from werkzeug.routing import Rule

from app.describe import Answer, Description, description_of
from app.limits import rate_of
from app.openapi import problems
from app.openapi.parts import (
    INTRODUCTION,
    LIMIT_HEADERS,
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    SECURITY_SCHEMES,
    TAGS,
    security,
)
from app.openapi.schemas import Json, Schemas, fields

OPENAPI_VERSION: Final = "3.1.1"
# Paths begin with /api/v1 as long as this is so.
API_VERSION: Final = "1"
# The blueprint of the description, which is not a part of itself.
THIS: Final = "openapi."


@dataclass(frozen=True, slots=True)
class _Operation:
    """One method of one route."""

    rule: Rule
    method: str
    view: Callable[..., Any]
    said: Description


def document(app: Flask, prefix: str) -> Json:
    """The description of every route under `prefix`, and of others that describe themselves.

    Raises LookupError for a view without `@describe`, or one that forgets an argument of its path.
    """
    operations = list(_operations(app, prefix))
    models = [pair for operation in operations for pair in operation.said.models()]
    schemas = Schemas([*models, (problems.ProblemDetails, "serialization")])
    spec = _empty(schemas, app.config["JWT_ACCESS_COOKIE_NAME"])
    for operation in operations:
        described = {operation.method: _described(operation, schemas)}
        spec.path(view=operation.view, app=app, operations=described)
    result: Json = spec.to_dict()
    return result


def _operations(app: Flask, prefix: str) -> Iterator[_Operation]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        said = description_of(view)
        if said is not None:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield _Operation(rule, method.lower(), view, said)
        elif rule.rule.startswith(prefix) and not rule.endpoint.startswith(THIS):
            raise LookupError(f"{rule.endpoint} does not @describe itself")


def _empty(schemas: Schemas, cookie_name: str) -> APISpec:
    spec = APISpec(
        title="Tidings",
        version=API_VERSION,
        openapi_version=OPENAPI_VERSION,
        plugins=[FlaskPlugin()],
        info={"description": INTRODUCTION},
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    for name, header in RESPONSE_HEADERS.items():
        spec.components.header(name, header)
    for name, parameter in REQUEST_HEADERS.items():
        spec.components.parameter(name, "header", parameter)
    schemes = SECURITY_SCHEMES | {"cookie": {**SECURITY_SCHEMES["cookie"], "name": cookie_name}}
    for name, scheme in schemes.items():
        spec.components.security_scheme(name, scheme)
    for name, schema in schemas.components.items():
        spec.components.schema(name, schema)
    for name, response in problems.responses(schemas.written(problems.ProblemDetails)).items():
        spec.components.response(name, response)
    return spec


def _described(operation: _Operation, schemas: Schemas) -> Json:
    said, view, method = operation.said, operation.view, operation.method
    summary, _, text = inspect.cleandoc(view.__doc__ or "").partition("\n")
    described: Json = {
        "operationId": view.__name__,
        "tags": [said.tag],
        "summary": summary.rstrip("."),
        "description": text.strip(),
        "security": security(method, said),
        "parameters": [
            *_path_parameters(operation),
            *_parameters("query", said.query),
            *said.request_headers,
        ],
        "responses": _responses(operation, schemas),
    }
    if said.body:
        content = {kind: {"schema": schemas.read(model)} for kind, model in said.body.items()}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _responses(operation: _Operation, schemas: Schemas) -> Json:
    """What it answers, by status. A name stands for the component that is called so."""
    said, is_limited = operation.said, rate_of(operation.view) is not None
    headers = LIMIT_HEADERS if is_limited else []
    found: Json = {
        str(status): problems.name(status)
        for status in problems.statuses(operation.method, said, is_limited=is_limited)
    }
    for status, answer in said.answers.items():
        found[str(status)] = _answer(status, answer, headers, schemas)
    return dict(sorted(found.items()))


def _answer(status: int, answer: Answer, headers: list[str], schemas: Schemas) -> Json:
    described: Json = {
        "description": answer.description or HTTPStatus(status).phrase,
        "headers": {name: name for name in [*answer.headers, *headers]},
    }
    if answer.model:
        schema = schemas.written(answer.model)
        described["content"] = {answer.media_type: {"schema": schema}}
    return described


def _path_parameters(operation: _Operation) -> list[Json]:
    found = _parameters("path", operation.said.path)
    if {parameter["name"] for parameter in found} != operation.rule.arguments:
        raise LookupError(f"{operation.rule.endpoint} does not describe the arguments of its path")
    return found


def _parameters(place: str, model: type[BaseModel] | None) -> list[Json]:
    if model is None:
        return []
    return [
        {
            "name": name,
            "in": place,
            "required": required,
            "description": schema.pop("description", ""),
            "schema": schema,
        }
        for name, schema, required in fields(model)
    ]
