"""The types of parameters as JSON Schema, for `/openapi.json`.

A schema says the form that JSON has for a type. What is taken is wider: text is read as a number or a date too."""

import enum
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pplns.steps import Pipeline
from pplns.steps.annotations import Kind, bare, field_types, fields_of, is_required, kind_of
from pplns.steps.conversion import stored
from pplns.steps.declared import MISSING
from pplns.steps.parameters import Parameter, parameters_of

Schema = dict[str, Any]

_SCALARS: Mapping[type, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    date: {"type": "string", "format": "date"},
    datetime: {"type": "string", "format": "date-time"},
    time: {"type": "string", "format": "time"},
    timedelta: {"type": "string", "examples": ["90s"]},
    Decimal: {"type": "string", "examples": ["1.50"]},
    UUID: {"type": "string", "format": "uuid"},
}
MAX_DEPTH = 20  # a dataclass may hold itself


def schema_of_params(pipeline: Pipeline[..., Any]) -> Schema:
    """Return the schema of the object that a pipeline takes as its parameters."""
    parameters = parameters_of(pipeline)
    return {
        "type": "object",
        "properties": {one.name: _schema_of_parameter(one) for one in parameters},
        "required": [one.name for one in parameters if one.is_required],
        "additionalProperties": False,
    }


def schema_of(annotation: Any, *, depth: int = 0) -> Schema:
    """Return the schema of a type that a parameter may have."""
    annotation = bare(annotation)
    return {} if depth > MAX_DEPTH else _SCHEMAS[kind_of(annotation)](annotation, depth + 1)


def _schema_of_parameter(parameter: Parameter) -> Schema:
    schema = {**schema_of(parameter.annotation), "title": f"{parameter.name}: {parameter.shown}"}
    if parameter.is_logical_date:
        return {**schema, "description": "By default the time that the run stands for."}
    return schema if parameter.default is MISSING else {**schema, "default": stored(parameter.default)}


def _of_scalar(annotation: Any, depth: int) -> Schema:
    return dict(next((_SCALARS[base] for base in annotation.__mro__ if base in _SCALARS), {"type": "string"}))


def _of_union(annotation: Any, depth: int) -> Schema:
    return {"anyOf": [schema_of(part, depth=depth) for part in typing.get_args(annotation)]}


def _of_literal(annotation: Any, depth: int) -> Schema:
    return {"enum": [stored(option) for option in typing.get_args(annotation)]}


def _of_collection(annotation: Any, depth: int) -> Schema:
    parts = [part for part in typing.get_args(annotation) if part is not Ellipsis]
    if typing.get_origin(annotation) is tuple and Ellipsis not in typing.get_args(annotation):
        items = [schema_of(part, depth=depth) for part in parts]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    return {"type": "array", "items": schema_of(parts[0], depth=depth) if parts else {}}


def _of_dict(annotation: Any, depth: int) -> Schema:
    parts = typing.get_args(annotation)
    return {"type": "object", "additionalProperties": schema_of(parts[1], depth=depth) if parts else True}


def _of_enum(annotation: type[enum.Enum], depth: int) -> Schema:
    return {"type": "string", "enum": list(annotation.__members__)}


def _of_dataclass(annotation: type, depth: int) -> Schema:
    fields = {name: schema_of(one, depth=depth) for name, one in field_types(annotation).items()}
    required = [one.name for one in fields_of(annotation) if is_required(one)]
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


_SCHEMAS: Mapping[Kind, Callable[[Any, int], Schema]] = {
    "any": lambda annotation, depth: {},
    "none": lambda annotation, depth: {"type": "null"},
    "union": _of_union,
    "literal": _of_literal,
    "collection": _of_collection,
    "dict": _of_dict,
    "enum": _of_enum,
    "dataclass": _of_dataclass,
    "scalar": _of_scalar,
}
