"""Query strings and JSON bodies, checked against a model; every fault is named at once."""

import json
from collections.abc import Collection
from typing import Annotated, Any, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.errors import BadRequest, InvalidInput

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")

JSON = ("application/json",)


class Input(BaseModel):
    """What a client may send: known names only, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _NotNull:
    """Pydantic annotation: the None of `T | None` is no value that can be sent."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        return schema["schema"] if schema["type"] == "nullable" else schema


# A field that may be left out, and is None then. Sent as null it would be answered, and change
# nothing: that is refused.
Omittable = Annotated[T | None, _NotNull()]


def query(model: type[Model]) -> Model:
    """The request's query string as `model`. Raises InvalidInput; a repeated name is one."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise InvalidInput(errors=[{"loc": ["query", n], "msg": "is repeated"} for n in repeated])
    return _checked(model, "query", request.args.to_dict(), strings=True)


def body(model: type[Model], types: Collection[str] = JSON, most_bytes: int | None = None) -> Model:
    """The request's JSON body, which is of one of these media types, as `model`; `most_bytes` in
    place of the application's MAX_CONTENT_LENGTH.

    Raises UnsupportedMediaType, RequestEntityTooLarge, BadRequest, InvalidInput.
    """
    if request.mimetype not in types:
        raise UnsupportedMediaType(f"Send the body as {' or '.join(types)}.")
    data = raw_body(most_bytes)
    try:
        value = model.model_validate_json(data)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise BadRequest(f"The body is not JSON: {error.errors()[0]['msg']}") from None
        raise _invalid("body", error) from None
    _refuse_repeated_names(data)
    return value


def _refuse_repeated_names(data: bytes) -> None:
    """Raise BadRequest for JSON in which an object says a name twice.

    Of `{"read": true, "read": false}` one proxy or log takes the first and another one the last.
    """
    # Numbers stay text: they are not looked at, and a long one would be dear.
    json.loads(data, object_pairs_hook=_distinct, parse_int=str, parse_float=str)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise BadRequest(f"The body says {json.dumps(repeated)} more than once.")
    return value


def raw_body(most_bytes: int | None = None) -> bytes:
    """The request's body; `most_bytes` in place of the application's MAX_CONTENT_LENGTH.

    Raises RequestEntityTooLarge, at once if the length was said, else at the first byte too many.
    """
    if most_bytes is not None:
        request.max_content_length = most_bytes
    try:
        data = request.get_data(cache=False)
        if request.content_length is None:
            # Werkzeug cuts a body whose length was not said off at the limit, and says so at the
            # next read alone.
            request.stream.read(1)
    except RequestEntityTooLarge:
        raise RequestEntityTooLarge(
            f"The body is too large; at most {request.max_content_length or 0:,} bytes are taken."
        ) from None
    return data


def _checked(model: type[Model], place: str, values: dict[str, Any], strings: bool) -> Model:
    try:
        return model.model_validate_strings(values) if strings else model.model_validate(values)
    except ValidationError as error:
        raise _invalid(place, error) from None


def _invalid(place: str, error: ValidationError) -> InvalidInput:
    return InvalidInput(
        errors=[
            {"loc": [place, *fault["loc"]], "msg": fault["msg"]}
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        ]
    )
