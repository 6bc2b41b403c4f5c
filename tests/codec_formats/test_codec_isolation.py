"""Nobody sees what another one does to a value."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pplns.codecs import Held, hold
from sameness import assert_same, assert_same_table
from storing import artifact_of, restored

Change = Callable[[Any], Any]


def change_list(value: list[Any]) -> None:
    value.append(3)
    value[0]["inner"].append(9)


def change_dict(value: dict[str, Any]) -> None:
    value["new"] = 1
    value["inner"].add(5)


PLAIN: list[tuple[Callable[[], Any], Change]] = [
    (lambda: [{"inner": [1]}, 2], change_list),
    (lambda: [{"inner": [1] * 20_000}, 2], change_list),
    (lambda: {"inner": {1}}, change_dict),
    (lambda: {1, 2}, lambda value: value.clear()),
    (lambda: bytearray(b"x" * 50_000), lambda value: value.clear()),
]
PLAIN_IDS = ["list", "large list", "dict", "set", "bytearray"]


@pytest.mark.parametrize(("make", "change"), PLAIN, ids=PLAIN_IDS)
def test_a_producer_changes_nothing_that_is_held(make: Callable[[], Any], change: Change):
    """The value is the one that was returned, at the time it was returned."""
    value = make()
    held = hold(value, where="Step 'make'")

    change(value)

    assert_same(held.handout(), make())
    assert_same(restored(held).handout(), make())


@pytest.mark.parametrize("way", [lambda held: held, restored], ids=["memory", "checkpoint"])
@pytest.mark.parametrize(("make", "change"), PLAIN, ids=PLAIN_IDS)
def test_a_consumer_changes_only_its_own_value(make: Callable[[], Any], change: Change, way: Callable[[Held], Held]):
    """The next consumer and the checkpoint have the value as it was."""
    held = way(hold(make(), where="Step 'make'"))

    change(held.handout())

    assert_same(held.handout(), make())
    assert_same(restored(held).handout(), make())


def make_frame() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "count": [1, 2, 3],
            "delay": [1.0, 2.0, None],
            "carrier": ["UA", "B6", None],
            "day": pd.date_range("2013-01-01", periods=3),
            "seats": pd.array([1, None, 3], dtype="Int64"),
            "kind": pd.Categorical(["a", "b", "a"]),
            "stops": pd.Series([["x"], {"y": 1}, None], dtype=object),
        }
    )
    frame.index = pd.Index([5, 6, 7], name="id")
    frame.attrs = {"source": ["a.csv"]}
    return frame


def set_columns(frame: Any) -> None:
    frame["new"] = 1
    frame["count"] = frame["count"] * 2
    frame["delay"] += 1
    frame.insert(0, "first", 1)
    del frame["kind"]


def set_cells(frame: Any) -> None:
    frame.loc[5, "count"] = 99
    frame.loc[6, "carrier"] = "zz"
    frame.iloc[0, 1] = 99.0
    frame.at[5, "day"] = pd.Timestamp("2020-01-01")
    frame.at[5, "seats"] = 7
    frame.loc[7, "kind"] = "b"


def set_masked(frame: Any) -> None:
    frame[frame["count"] > 1] = None


def set_labels(frame: Any) -> None:
    frame.index.name = "other"
    frame.columns.name = "other"
    frame.columns = list("abcdefg")
    frame.index = [0, 1, 2]


def set_view(frame: Any) -> None:
    column = frame["delay"]
    column.iloc[0] = 9
    column[:] = 3


def change_in_place(frame: Any) -> None:
    frame.fillna({"delay": 0.0}, inplace=True)
    frame.update(pd.DataFrame({"delay": [9.0, 9.0, 9.0]}, index=[5, 6, 7]))


def change_mutable_cells(frame: Any) -> None:
    frame["stops"].iloc[0].append("z")
    frame["stops"].iloc[1]["y"] = 2


def change_attributes(frame: Any) -> None:
    frame.attrs["source"].append("b.csv")


FRAME_CHANGES: list[Change] = [
    set_columns, set_cells, set_masked, set_labels, set_view, change_in_place, change_mutable_cells, change_attributes,
]  # fmt: skip


@pytest.mark.parametrize("change", FRAME_CHANGES)
def test_a_producer_changes_no_frame_that_is_held(change: Change):
    """What a step does to its table after returning it reaches neither consumers nor the artifact."""
    frame = make_frame()
    held = hold(frame, where="Step 'make'")

    change(frame)

    assert_same_table(held.handout(), make_frame())
    assert_same_table(restored(held).handout(), make_frame())


@pytest.mark.parametrize("way", [lambda held: held, restored], ids=["memory", "checkpoint"])
@pytest.mark.parametrize("change", FRAME_CHANGES)
def test_a_consumer_changes_only_its_own_frame(change: Change, way: Callable[[Held], Held]):
    """Copy-on-write: the change works, and stays where it was made."""
    before = hold(make_frame(), where="Step 'make'")
    held = way(before)

    change(held.handout())

    assert_same_table(held.handout(), make_frame())
    assert_same_table(restored(before).handout(), make_frame())


def test_arrays_of_a_frame_are_read_only():
    """A write past pandas, into the numpy array, is an error rather than a change for everybody."""
    held = hold(make_frame(), where="Step 'make'")

    for frame in (held.handout(), restored(held).handout()):
        with pytest.raises(ValueError, match="read-only"):
            frame["delay"].to_numpy()[0] = 9


def test_a_restored_frame_can_be_changed_after_the_held_one_has_gone():
    """The last consumer owns its table; numbers are not tied to the read-only bytes they came from."""
    frame = restored(hold(make_frame(), where="Step 'make'")).handout()

    frame.loc[5, "count"] = 99
    frame.loc[:, "delay"] = 0.0

    assert frame["count"].tolist() == [99, 2, 3]
    assert frame["delay"].tolist() == [0.0, 0.0, 0.0]


def test_a_series_keeps_its_mutable_cells_apart():
    """A Series of lists is decoded anew for each consumer, with its name, index and attributes."""
    series = make_frame()["stops"]
    held = hold(series, where="Step 'make'")

    held.handout().iloc[0].append("z")
    series.iloc[0].append("z")

    assert_same_table(held.handout(), make_frame()["stops"])


def test_arrays_are_copied_for_everybody():
    """numpy has no copy-on-write, so producer, checkpoint and consumers have an array each."""
    array = np.arange(6.0).reshape(2, 3)
    held = hold(array, where="Step 'make'")
    before = artifact_of(held)

    array[0, 0] = 99
    held.handout()[:] = -1
    restored(held).handout()[:] = -1

    assert artifact_of(held) == before
    assert held.handout().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert held.handout().flags.writeable
