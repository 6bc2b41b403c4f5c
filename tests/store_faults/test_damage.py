"""Damaged and truncated objects: a step is made again, or an error names the record; a result is never wrong."""

import random
from collections.abc import Callable

import pytest

from kit import Runs
from pplns.stores import FileStore, Store
from store_faults.faulty import EXPECTED, Objects, damages, faulty, meanwhile, resumed_or_named


@pytest.fixture
def whole(runs: Runs, objects: Objects) -> dict[str, bytes]:
    """Return the objects of a run that failed in its last step, so that a resume needs all of them."""

    def close() -> None:
        raise ValueError("closed")

    meanwhile["publish"] = close
    failed = runs.run(faulty, run_id="r")
    assert failed.error is not None
    assert failed.error.message.endswith("closed")
    return {name: objects.read(name) for name in objects.names()}


def restore(objects: Objects, whole: dict[str, bytes]) -> None:
    """Bring all objects back to what they were."""
    for name in objects.names():
        if name not in whole:
            objects.write(name, None)
    for name, data in whole.items():
        objects.write(name, data)


def test_each_object_is_damaged_in_each_way(runs: Runs, objects: Objects, whole: dict[str, bytes]) -> None:
    """Artifacts and commits are made again; where nothing can be, the error names the record, and a backup mends it."""
    for name, data in whole.items():
        for damaged in damages(name, data):
            objects.write(name, damaged)

            goes_on = resumed_or_named(runs, name)

            assert goes_on or not any(part in name for part in ("/steps/", "/artifacts/", "/redo/", "by-state/"))
            restore(objects, whole)
            assert resumed_or_named(runs, name)
            restore(objects, whole)


def test_a_bit_of_any_record_is_another_one(
    runs: Runs, store: Store, objects: Objects, whole: dict[str, bytes], rng: random.Random, sample: Callable[..., int]
) -> None:
    """Also where the record reads well all the same, as with a digit of a value: it isn't believed."""
    records = {name: data for name, data in whole.items() if name.endswith(".json")}
    places = [(name, place) for name, data in records.items() for place in range(len(data))]
    if not isinstance(store, FileStore):
        places = rng.sample(places, 20)
    for name, place in rng.sample(places, min(len(places), sample(full=len(places), ci=60))):
        data = records[name]
        flipped = bytes([data[place] ^ (1 << rng.randrange(7))])

        objects.write(name, data[:place] + flipped + data[place + 1 :])
        resumed_or_named(runs, name)
        restore(objects, whole)
    assert runs.resume(faulty, "r").result == EXPECTED
