"""A stand-in of Terraform's google provider, for machines where the real one can't be had.

It knows the fields of what pplns makes, their types, and which are required, from tests/terraform/google_schema.json;
values that Google would fill in it makes up, and what was applied stays in memory. It calls nobody. What it doesn't
know: ranges, conflicts between fields, defaults, and which changes replace a resource.

Terraform asks it as it asks any provider, over its plugin protocol, version 6
(https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol), whose messages are told below by their
fields' names, types and numbers."""

import copy
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import msgpack
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from terraforming import CONFIGURATION, Terraform, environ_for

SCHEMA = Path(__file__).parent / "terraform" / "google_schema.json"
ADDRESS = "registry.terraform.io/hashicorp/google"
UNKNOWN = msgpack.ExtType(0, b"\0")  # what is known after it was applied
NESTINGS = {"single": 1, "list": 2, "set": 3}
FLAGS = ("required", "optional", "computed", "sensitive", "write_only")
KINDS = {"resource": "resource", "data_source": "data"}
PUT_BACK = "google_cloud_run_v2_service_iam_member"  # what a pitfall that comes back would use
PROVIDER_FIELDS = ("project", "region", "add_terraform_attribution_label")
PROJECT_NUMBER = "104106965527"

MESSAGES = """
DynamicValue: bytes msgpack 1, bytes json 2
Diagnostic: int32 severity 1, string summary 2, string detail 3
Attribute: string name 1, bytes type 2, bool required 4, bool optional 5, bool computed 6, bool sensitive 7,\
  bool write_only 11
NestedBlock: string type_name 1, Block block 2, int32 nesting 3, int64 min_items 4, int64 max_items 5
Block: int64 version 1, *Attribute attributes 2, *NestedBlock block_types 3
Schema: int64 version 1, Block block 2
NamedSchema: string key 1, Schema value 2
Nothing:
Schemas: Schema provider 1, *NamedSchema resource_schemas 2, *NamedSchema data_source_schemas 3
Diagnostics: *Diagnostic diagnostics 1
RawState: bytes json 1
UpgradeRequest: string type_name 1, int64 version 2, RawState raw_state 3
Upgraded: DynamicValue upgraded_state 1
ReadRequest: string type_name 1, DynamicValue current_state 2
Read: DynamicValue new_state 1
PlanRequest: string type_name 1, DynamicValue prior_state 2, DynamicValue proposed_new_state 3
Planned: DynamicValue planned_state 1, bool legacy_type_system 5
ApplyRequest: string type_name 1, DynamicValue prior_state 2, DynamicValue planned_state 3
Applied: DynamicValue new_state 1, bool legacy_type_system 4
SourceRequest: string type_name 1, DynamicValue config 2
Source: DynamicValue state 1
ImportRequest: string type_name 1, string id 2
Imported: *Diagnostic diagnostics 2
"""
METHODS = {
    "GetProviderSchema": ("Nothing", "schemas"),
    "ValidateProviderConfig": ("Nothing", "accept"),
    "ValidateResourceConfig": ("Nothing", "accept"),
    "ValidateDataResourceConfig": ("Nothing", "accept"),
    "ConfigureProvider": ("Nothing", "accept"),
    "UpgradeResourceState": ("UpgradeRequest", "upgrade"),
    "ReadResource": ("ReadRequest", "read"),
    "PlanResourceChange": ("PlanRequest", "plan"),
    "ApplyResourceChange": ("ApplyRequest", "apply"),
    "ReadDataSource": ("SourceRequest", "read_source"),
    "ImportResourceState": ("ImportRequest", "refuse_import"),
    "StopProvider": ("Nothing", "accept"),
}


class StandInProvider:
    """What was applied, by the id that it got; a test may change or drop it behind Terraform's back."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
        self.rows: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    def schemas(self, asked: Any) -> Any:
        """Answer with the fields of everything."""
        made = MESSAGE["Schemas"](provider=_schema([0, self.known["provider"]]))
        for kind in ("resource", "data_source"):
            for name, one in self.known[kind].items():
                getattr(made, f"{kind}_schemas").add(key=name, value=_schema(one))
        return made

    def accept(self, asked: Any) -> Any:
        """Find nothing wrong."""
        return MESSAGE["Diagnostics"]()

    def upgrade(self, asked: Any) -> Any:
        """Take a state as it is."""
        return MESSAGE["Upgraded"](upgraded_state={"json": asked.raw_state.json})

    def read(self, asked: Any) -> Any:
        """Answer with what there is; null where it is gone."""
        row = self.rows.get(_value(asked.current_state)["id"])
        return MESSAGE["Read"](new_state=_packed(row))

    def plan(self, asked: Any) -> Any:
        """Answer with what is proposed; of a new resource everything that Google fills in isn't known yet."""
        proposed = _value(asked.proposed_new_state)
        if proposed is not None and _value(asked.prior_state) is None:
            _fill(proposed, self.known["resource"][asked.type_name][1], lambda name, kind: UNKNOWN)
        return MESSAGE["Planned"](planned_state=_packed(proposed), legacy_type_system=True)

    def apply(self, asked: Any) -> Any:
        """Keep what was planned, or forget it."""
        planned = _value(asked.planned_state)
        if planned is None:
            self.rows.pop(_value(asked.prior_state)["id"], None)
        else:
            number = next(self._numbers)
            _fill(planned, self.known["resource"][asked.type_name][1],
                  lambda name, kind: _made_up(kind, f"{name}-{number}"))  # fmt: skip
            self.rows[planned["id"]] = planned
        return MESSAGE["Applied"](new_state=_packed(planned), legacy_type_system=True)

    def read_source(self, asked: Any) -> Any:
        """Answer with a project that there always is."""
        found = _value(asked.config)
        _fill(found, self.known["data_source"][asked.type_name][1], lambda name, kind: _made_up(kind, PROJECT_NUMBER))
        return MESSAGE["Source"](state=_packed(found))

    def refuse_import(self, asked: Any) -> Any:
        """Say that nothing is there that Terraform didn't make."""
        summary = f"The stand-in of the provider has no {asked.type_name} {asked.id!r} to import."
        return MESSAGE["Imported"](diagnostics=[{"severity": 1, "summary": summary}])


@contextmanager
def stand_in_provider() -> Iterator[tuple[StandInProvider, dict[str, str]]]:
    """Serve a provider, and yield it with the variables by which Terraform finds it."""
    made = StandInProvider()
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            _answering(getattr(made, answer)),
            MESSAGE[request].FromString,
            lambda message: message.SerializeToString(),
        )
        for name, (request, answer) in METHODS.items()
    }
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers)])
    place = {"Network": "tcp", "String": f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"}
    process = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": place}
    server.start()
    try:
        yield made, {"TF_REATTACH_PROVIDERS": json.dumps({ADDRESS: process})}
    finally:
        server.stop(None).wait()


def read_schema() -> dict[str, Any]:
    """Return what the stand-in knows as the real provider says it: the fields of all that terraform/ uses."""
    with TemporaryDirectory() as folder:
        shutil.copy(CONFIGURATION / "versions.tf", folder)
        real = Terraform(Path(folder), environ_for(Path(folder), {}))
        real.init()
        [said] = json.loads(real.run("providers", "schema", "-json"))["provider_schemas"].values()
    text = "".join(file.read_text(encoding="utf-8") for file in CONFIGURATION.rglob("*.tf"))
    used = {kind: set(re.findall(rf'^{word} "(google_\w+)"', text, re.M)) for kind, word in KINDS.items()}
    used["resource"].add(PUT_BACK)
    provider = said["provider"]["block"]["attributes"]
    return {
        "provider": _condensed({"attributes": {name: provider[name] for name in PROVIDER_FIELDS}}),
        **{kind: {
            name: [said[f"{kind}_schemas"][name]["version"], _condensed(said[f"{kind}_schemas"][name]["block"])]
            for name in sorted(names)
        } for kind, names in used.items()},
    }  # fmt: skip


def _condensed(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block without its descriptions: each field's type, and the first letters of what is said of it."""
    attributes = {
        name: [one["type"], "".join(word[0] for word in FLAGS if one.get(word))]
        for name, one in sorted(block.get("attributes", {}).items())
    }
    blocks = {
        name: [one["nesting_mode"], one.get("min_items", 0), one.get("max_items", 0), _condensed(one["block"])]
        for name, one in sorted(block.get("block_types", {}).items())
    }
    return {**({"attributes": attributes} if attributes else {}), **({"blocks": blocks} if blocks else {})}


def _fill(row: dict[str, Any], block: dict[str, Any], make: Callable[[str, Any], Any]) -> None:
    """Fill in what Google would: computed fields that are null or unknown, here and in the blocks inside."""
    for name, (kind, flags) in block.get("attributes", {}).items():
        if isinstance(row[name], msgpack.ExtType) or (row[name] is None and "c" in flags):
            row[name] = make(name, kind)
    for name, (nesting, _, _, inner) in block.get("blocks", {}).items():
        inside = [row[name]] if nesting == "single" else row[name]
        for one in inside if isinstance(inside, list) else ():
            if isinstance(one, dict):
                _fill(one, inner, make)


def _made_up(kind: Any, text: str) -> Any:
    """Return a value of a type: of texts the given one, of others what is empty."""
    if isinstance(kind, list):
        return {} if kind[0] == "map" else []
    return {"string": text, "number": 0, "bool": False}[kind]


def _answering(answer: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda asked, context: answer(asked)


def _schema(known: list[Any]) -> Any:
    return MESSAGE["Schema"](version=known[0], block=_block(known[1]))


def _block(known: dict[str, Any]) -> Any:
    made = MESSAGE["Block"]()
    for name, (kind, flags) in known.get("attributes", {}).items():
        says = {word: word[0] in flags for word in FLAGS}
        made.attributes.add(name=name, type=json.dumps(kind).encode(), **says)
    for name, (nesting, least, most, inner) in known.get("blocks", {}).items():
        limits = {"nesting": NESTINGS[nesting], "min_items": least, "max_items": most}
        made.block_types.add(type_name=name, block=_block(inner), **limits)
    return made


def _value(packed: Any) -> Any:
    return msgpack.unpackb(packed.msgpack, strict_map_key=False) if packed.msgpack else json.loads(packed.json)


def _packed(value: Any) -> dict[str, bytes]:
    return {"msgpack": msgpack.packb(copy.deepcopy(value))}


def _messages() -> dict[str, Any]:
    """Return the classes of the messages."""
    file = descriptor_pb2.FileDescriptorProto(name="tfplugin6.proto", package="tfplugin6", syntax="proto3")
    for line in filter(None, MESSAGES.splitlines()):
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

if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(read_schema(), separators=(",", ":")) + "\n", encoding="utf-8")
