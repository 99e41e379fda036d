"""JSON Schemas of the models, as OpenAPI 3.1 has them (draft 2020-12)."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"


class _Generator(GenerateJsonSchema):
    """Pydantic's own, but for what would not be true of a request or a response."""

    def field_title_should_be_set(self, schema: object) -> bool:
        # "Up To" tells nobody more than `up_to`.
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Json:
        # None stands for what was left out; as a default it would read as a value one may send.
        # An empty list or object likewise tells nobody more than its absence.
        described = super().default_schema(schema)
        if described.get("default", ...) in (None, [], {}):
            del described["default"]
        return described

    def json_schema(self, schema: core_schema.JsonSchema) -> Json:
        # JSON within a text is a text on the wire, whoever writes it.
        inner = self.generate_inner(schema.get("schema") or core_schema.any_schema())
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": inner}


class Schemas:
    """The schemas of all models of a description; each stands there once, and is pointed to."""

    def __init__(self, models: Iterable[tuple[type[BaseModel], JsonSchemaMode]]) -> None:
        self._refs, found = models_json_schema(
            list(dict.fromkeys(models)), ref_template=_REF, schema_generator=_Generator
        )
        self.components: dict[str, Json] = found.get("$defs", {})

    def read(self, model: type[BaseModel]) -> Json:
        """Points to what a request may have."""
        return self._refs[model, "validation"]

    def written(self, model: type[BaseModel]) -> Json:
        """Points to what a response has."""
        return self._refs[model, "serialization"]


def fields(model: type[BaseModel]) -> Iterable[tuple[str, Json, bool]]:
    """(name, schema, whether it must be there) of each field, for parameters."""
    schema = model.model_json_schema(ref_template=_REF, schema_generator=_Generator)
    for name, described in schema["properties"].items():
        yield name, described, name in schema.get("required", [])
