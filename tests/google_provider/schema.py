"""What the provider knows of each type of resource: its fields, as the real provider says them.

`tests/terraform/google_schema.json` has each field's type and the first letters of what is said of it: required,
optional, computed (Google fills it in), sensitive, write-only; `python tests/provider_stand_in.py` writes it."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from google_provider.messages import MESSAGE

FILE = Path(__file__).parents[1] / "terraform" / "google_schema.json"
FLAGS = ("required", "optional", "computed", "sensitive", "write_only")
NESTINGS = {"single": 1, "list": 2, "set": 3}
Row = dict[str, Any]


class Field(NamedTuple):
    """An attribute: its type as Terraform writes it, and what is said of it."""

    kind: Any
    flags: str

    @property
    def is_set(self) -> bool:
        """Tell whether it has values without an order."""
        return bool(self.kind[0] == "set")

    @property
    def is_googles(self) -> bool:
        """Tell whether nobody can write it."""
        return not {"r", "o"} & set(self.flags)

    @property
    def is_computed(self) -> bool:
        """Tell whether Google fills it in where nothing is written."""
        return "c" in self.flags


class Nested(NamedTuple):
    """A block in a block: how it is nested, how many there may be, and what is in it."""

    nesting: str
    least: int
    most: int
    block: "Block"

    @property
    def is_one(self) -> bool:
        """Tell whether there is at most one: Google has an object then, and not a list."""
        return self.most == 1


class Block(NamedTuple):
    """The fields of a resource, or of a block in it."""

    fields: dict[str, Field]
    blocks: dict[str, Nested]

    def empty(self) -> Row:
        """Return a row without values."""
        nothing: Row = dict.fromkeys(self.fields)
        return nothing | {name: None if one.nesting == "single" else [] for name, one in self.blocks.items()}


@cache
def known() -> dict[str, Any]:
    """Return the file."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


@cache
def block_of(kind: str, type_name: str) -> Block:
    """Return the fields of a type: `kind` is resource or data_source."""
    return _block(known()[kind][type_name][1])


@cache
def provider_block() -> Block:
    """Return the arguments of the provider itself."""
    return _block(known()["provider"])


def schemas() -> Any:
    """Return the fields of everything, as the protocol's message."""
    made = MESSAGE["Schemas"](provider=_message([0, known()["provider"]]))
    for kind in ("resource", "data_source"):
        for name, one in known()[kind].items():
            getattr(made, f"{kind}_schemas").add(key=name, value=_message(one))
    return made


def condensed(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block as Terraform shows it without its descriptions, as the file has it."""
    attributes = {
        name: [one["type"], "".join(word[0] for word in FLAGS if one.get(word))]
        for name, one in sorted(block.get("attributes", {}).items())
    }
    blocks = {
        name: [one["nesting_mode"], one.get("min_items", 0), one.get("max_items", 0), condensed(one["block"])]
        for name, one in sorted(block.get("block_types", {}).items())
    }
    return {**({"attributes": attributes} if attributes else {}), **({"blocks": blocks} if blocks else {})}


def _block(found: dict[str, Any]) -> Block:
    return Block(
        {name: Field(*one) for name, one in found.get("attributes", {}).items()},
        {
            name: Nested(nesting, least, most, _block(inner))
            for name, (nesting, least, most, inner) in found.get("blocks", {}).items()
        },
    )


def _message(found: list[Any]) -> Any:
    return MESSAGE["Schema"](version=found[0], block=_block_message(_block(found[1])))


def _block_message(block: Block) -> Any:
    made = MESSAGE["Block"]()
    for name, field in block.fields.items():
        says = {word: word[0] in field.flags for word in FLAGS}
        made.attributes.add(name=name, type=json.dumps(field.kind).encode(), **says)
    for name, nested in block.blocks.items():
        limits = {"nesting": NESTINGS[nested.nesting], "min_items": nested.least, "max_items": nested.most}
        made.block_types.add(type_name=name, block=_block_message(nested.block), **limits)
    return made
