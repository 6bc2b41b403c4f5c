"""Terraform's plugin protocol, version 6, as a table of its messages, and the values that travel in them.

Terraform asks a provider over gRPC; generated code for that would be a thousand lines, so the classes are built from
the fields' names, types and numbers.
Source: https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol"""

import json
from typing import Any

import msgpack  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKING: Any = msgpack
UNKNOWN: Any = _PACKING.ExtType(0, b"\0")  # what is known after it was applied
TABLE = """
DynamicValue: bytes msgpack 1, bytes json 2
Step: string attribute_name 1
Path: *Step steps 1
Diagnostic: int32 severity 1, string summary 2, string detail 3
Attribute: string name 1, bytes type 2, bool required 4, bool optional 5, bool computed 6, bool sensitive 7,\
  bool write_only 11
NestedBlock: string type_name 1, Block block 2, int32 nesting 3, int64 min_items 4, int64 max_items 5
Block: int64 version 1, *Attribute attributes 2, *NestedBlock block_types 3
Schema: int64 version 1, Block block 2
NamedSchema: string key 1, Schema value 2
Nothing:
Schemas: Schema provider 1, *NamedSchema resource_schemas 2, *NamedSchema data_source_schemas 3
Accepted: *Diagnostic diagnostics 1
ConfigureRequest: string terraform_version 1, DynamicValue config 2
RawState: bytes json 1
UpgradeRequest: string type_name 1, int64 version 2, RawState raw_state 3
Upgraded: DynamicValue upgraded_state 1, *Diagnostic diagnostics 2
ReadRequest: string type_name 1, DynamicValue current_state 2
Read: DynamicValue new_state 1, *Diagnostic diagnostics 2
PlanRequest: string type_name 1, DynamicValue prior_state 2, DynamicValue proposed_new_state 3, DynamicValue config 4
Planned: DynamicValue planned_state 1, *Path requires_replace 2, *Diagnostic diagnostics 4, bool legacy_type_system 5
ApplyRequest: string type_name 1, DynamicValue prior_state 2, DynamicValue planned_state 3, DynamicValue config 4
Applied: DynamicValue new_state 1, *Diagnostic diagnostics 3, bool legacy_type_system 4
SourceRequest: string type_name 1, DynamicValue config 2
Source: DynamicValue state 1, *Diagnostic diagnostics 2
ImportRequest: string type_name 1, string id 2
ImportedResource: string type_name 1, DynamicValue state 2
Imported: *ImportedResource imported_resources 1, *Diagnostic diagnostics 2
Stopped: string error 1
"""


def is_unknown(value: object) -> bool:
    """Tell whether a value is known only after it was applied."""
    return isinstance(value, _PACKING.ExtType)


def value_of(packed: Any) -> Any:
    """Return the value that a message has: a resource, or None."""
    return _PACKING.unpackb(packed.msgpack, strict_map_key=False) if packed.msgpack else json.loads(packed.json)


def packed(value: Any) -> dict[str, bytes]:
    """Return a value as a message has it."""
    return {"msgpack": _PACKING.packb(value)}


def problem(summary: str, detail: str = "") -> dict[str, Any]:
    """Return a diagnostic of an error."""
    return {"severity": 1, "summary": summary, "detail": detail}


def _messages() -> dict[str, Any]:
    """Return the classes of the messages by their names."""
    file = descriptor_pb2.FileDescriptorProto(name="tfplugin6.proto", package="tfplugin6", syntax="proto3")
    for line in filter(None, TABLE.splitlines()):
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        for kind, field, number in (one.split() for one in filter(str.strip, fields.split(","))):
            _add_field(message, kind, name=field, number=int(number))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = message_factory.GetMessageClassesForFiles([file.name], pool)
    return {name.removeprefix("tfplugin6."): one for name, one in found.items()}


def _add_field(message: Any, kind: str, *, name: str, number: int) -> None:
    field = descriptor_pb2.FieldDescriptorProto
    label = field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
    scalar = getattr(field, f"TYPE_{kind.upper()}", None)
    named = {"type": scalar} if scalar else {"type_name": f".tfplugin6.{kind.lstrip('*')}", "type": field.TYPE_MESSAGE}
    message.field.add(name=name, number=number, label=label, **named)


MESSAGE = _messages()
