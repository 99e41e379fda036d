"""Query strings and JSON bodies, checked against a model; every fault is named at once."""

from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from app.errors import BadRequest, InvalidInput

Model = TypeVar("Model", bound=BaseModel)


class Input(BaseModel):
    """What a client may send: known names only, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def query(model: type[Model]) -> Model:
    """The request's query string as `model`. Raises InvalidInput; a repeated name is one."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise InvalidInput(errors=[{"loc": ["query", n], "msg": "is repeated"} for n in repeated])
    return _checked(model, "query", request.args.to_dict(), strings=True)


def body(model: type[Model]) -> Model:
    """The request's JSON body as `model`.

    Raises UnsupportedMediaType, RequestEntityTooLarge, BadRequest, InvalidInput.
    """
    if not request.is_json:
        raise UnsupportedMediaType("Send the body as application/json.")
    data = request.get_data(cache=False)
    if request.content_length is None:
        # Werkzeug cuts a body whose length was not said off at the limit, and says so at the next
        # read alone.
        request.stream.read(1)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise BadRequest(f"The body is not JSON: {error.errors()[0]['msg']}") from None
        raise _invalid("body", error) from None


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
