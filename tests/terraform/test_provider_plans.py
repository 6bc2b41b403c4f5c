"""What the stand-in of the google provider makes of a configuration and what is there: without Terraform, by values."""

from collections.abc import Iterator
from typing import Any

import pytest

from google_provider import grants
from google_provider.kinds import Kind
from google_provider.messages import UNKNOWN, is_unknown
from google_provider.planning import plan
from google_provider.resources import expand, parse
from google_provider.schema import Block, Row, block_of, known
from google_provider.singular import SINGULAR
from google_provider.table import KINDS, OTHERS, kind_of
from google_provider.values import from_google, to_google

SUBSCRIPTION = "google_pubsub_subscription"
TYPES = sorted(known()["resource"])
WRITTEN: Row = {
    "project": "acme-data", "name": "orders", "topic": "projects/acme-data/topics/orders", "ack_deadline_seconds": 60,
}  # fmt: skip
FOUND: dict[str, Any] = {
    "name": "projects/acme-data/subscriptions/orders", "topic": "projects/acme-data/topics/orders",
    "ackDeadlineSeconds": 60, "messageRetentionDuration": "604800s", "expirationPolicy": {"ttl": "2678400s"},
}  # fmt: skip


def block() -> Block:
    return block_of("resource", SUBSCRIPTION)


def config(**values: Any) -> Row:
    """Return a subscription as it is written."""
    return block().empty() | WRITTEN | values


def there(**values: Any) -> Row:
    """Return a subscription as it was read."""
    ours = block().empty() | {"project": "acme-data", "name": "orders", "id": "an id", "deletion_policy": "DELETE"}
    return from_google(KINDS[SUBSCRIPTION], block(), {**FOUND, **values}, before=ours)


def planned(written: Row, prior: Row | None) -> tuple[Row, list[str]]:
    made = plan(KINDS[SUBSCRIPTION], block(), written, prior)
    return made.row, made.replaced_for


def test_what_was_read_as_it_was_written_stays():
    """What Google has filled in, and the provider's defaults, are no change."""
    assert planned(config(), there()) == (there(), [])


def test_what_isnt_written_has_the_providers_default_or_is_googles():
    """Of a new resource what Google fills in isn't known."""
    row, _ = planned(config(), None)

    assert row["message_retention_duration"] == "604800s"
    assert is_unknown(row["id"])
    assert row["expiration_policy"] == []


@pytest.mark.parametrize(
    ("found", "place"),
    [
        ({"ackDeadlineSeconds": 10}, "ack_deadline_seconds"),
        ({"labels": {"by": "hand"}}, "effective_labels"),
        ({"pushConfig": {"pushEndpoint": "https://elsewhere"}}, "push_config"),
        ({"messageRetentionDuration": "600s"}, "message_retention_duration"),
    ],
)
def test_what_was_changed_by_hand_is_changed_back(found: dict[str, Any], place: str):
    """In place, and nothing else is touched."""
    prior = there(**found)

    row, replaced_for = planned(config(), prior)

    assert {name for name in row if row[name] != prior[name]} == {place}
    assert replaced_for == []


def test_what_cant_be_changed_is_replaced():
    """The filter and the topic of a subscription; a topic's short name is no other topic."""
    assert planned(config(filter="attributes.kind"), there())[1] == ["filter"]
    assert planned(config(topic="projects/acme-data/topics/other"), there())[1] == ["topic"]
    assert planned(config(topic="orders"), there()) == (there(), [])


def test_what_isnt_known_yet_is_a_change():
    """It may be anything, so what can't be changed is replaced for it."""
    assert planned(config(topic=UNKNOWN), there())[1] == ["topic"]


def test_a_block_that_is_empty_means_something_where_google_says_so():
    """`ttl = ""` is never, which is a policy without a value; a push configuration without a value is none."""
    never = config(expiration_policy=[{"ttl": ""}])

    row, _ = planned(never, there())

    assert to_google(KINDS[SUBSCRIPTION], block(), row)["expirationPolicy"] == {}
    assert there(expirationPolicy={}, pushConfig={})["expiration_policy"] == [{"ttl": None}]
    assert there(expirationPolicy={}, pushConfig={})["push_config"] == []


@pytest.mark.parametrize("type_name", TYPES)
def test_each_type_is_known_in_one_place(type_name: str):
    """As a resource of the table, a grant, or one like no other."""
    found = [type_name in KINDS, type_name in SINGULAR, grants.policy_of(type_name) is not None]

    assert sum(found) == 1
    assert (type_name in SINGULAR) == (type_name in OTHERS)


@pytest.mark.parametrize("type_name", TYPES)
def test_the_table_names_places_that_there_are(type_name: str):
    """A mistyped one would change nothing, and nobody would see it."""
    kind, there = kind_of(type_name), set(_places(block_of("resource", type_name)))
    named = {*kind.defaults, *kind.kept, *kind.told, *kind.zeros, *kind.hollow, *kind.unset, *kind.listed}

    if type_name in KINDS:
        named |= {*kind.fixed, *kind.alike}
    assert named - there == set()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_path_says_which_resource_it_is(kind: Kind):
    """The fields that it was made of are read from it again, which is how resources are imported."""
    names = ("project", "location", "region", "name", "account_id", "repository_id", "secret_id", "dataset_id", "id")
    fields: Row = dict.fromkeys(names, "orders.prod")

    path = expand(kind.path, fields)

    assert set((parse(kind.path, path) or {}).items()) <= set(fields.items())
    assert parse(kind.path, path)
    assert parse(kind.path, f"elsewhere/{path}/") is None


def _places(block: Block, place: str = "") -> Iterator[str]:
    """Yield the places of all fields and blocks."""
    yield from (f"{place}{name}" for name in (*block.fields, *block.blocks))
    for name, nested in block.blocks.items():
        yield from _places(nested.block, f"{place}{name}.")
