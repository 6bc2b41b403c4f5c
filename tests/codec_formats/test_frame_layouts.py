"""The layouts of plain tables are remembered, and no table is stored by the layout of another."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pplns.codecs.frames import hold_frame
from pplns.codecs.layouts import REMEMBERED
from sameness import assert_same_table
from storing import held_and_restored, restored


def plain() -> pd.DataFrame:
    return pd.DataFrame({"number": [1, 2], "share": [0.5, np.nan], "text": ["a", "b"]})


def renamed(labels: Any) -> pd.DataFrame:
    frame = plain()
    frame.columns = labels
    return frame


def numbered(index: Any) -> pd.DataFrame:
    return plain().set_axis(index, axis=0)


def described() -> pd.DataFrame:
    frame = plain()
    frame.attrs = {"source": "a.csv"}
    return frame


ALMOST_PLAIN: dict[str, Any] = {
    "other labels": renamed(["number", "share", "Text"]),
    "another order": plain()[["share", "number", "text"]],
    "labels of object": renamed(pd.Index(["number", "share", "text"], dtype=object)),
    "labels of string": renamed(pd.Index(["number", "share", "text"], dtype="string[python]")),
    "labels with a name": renamed(pd.Index(["number", "share", "text"], name="field")),
    "labels as categories": renamed(pd.CategoricalIndex(["number", "share", "text"])),
    "labels that are missing": renamed(["number", "share", None]),
    "rows with a name": numbered(pd.RangeIndex(2, name="row")),
    "rows from one": numbered(pd.RangeIndex(1, 3)),
    "every other row": numbered(pd.RangeIndex(0, 4, 2)),
    "rows by number": numbered(pd.Index([0, 1])),
    "other numbers": plain().astype({"number": "int32"}),
    "numbers of pandas": plain().astype({"number": "Int64"}),
    "text of objects": plain().astype({"text": object}),
    "text of python": plain().astype({"text": "string[python]"}),
    "text of arrow": plain().astype({"text": "string[pyarrow]"}),
    "attributes": described(),
    "no duplicates": plain().set_flags(allows_duplicate_labels=False),
    "a series": plain()["number"],
}


@pytest.mark.parametrize("name", ALMOST_PLAIN)
def test_a_table_that_is_almost_like_another_keeps_what_is_its_own(name: str) -> None:
    """Whichever was held first: neither comes back as the other."""
    for first, second in ((plain(), ALMOST_PLAIN[name]), (ALMOST_PLAIN[name], plain())):
        held_and_restored(first)

        held, again = held_and_restored(second)

        assert_same_table(held.handout(), second)
        assert_same_table(again.handout(), second)


def test_labels_that_are_equal_numbers_stay_what_they_are() -> None:
    """1, 1.0 and True are equal and have one hash."""
    for labels in ([1, 2, 3], [1.0, 2.0, 3.0], pd.Index([True, 2, 3], dtype=object)):
        frame = renamed(labels)

        _, again = held_and_restored(frame)

        assert_same_table(again.handout(), frame)


def test_the_layout_of_a_plain_table_is_remembered() -> None:
    """The same table with other values shares it, and its file says the same of itself."""
    frame = plain()[["number", "share"]]  # with pandas 2 the cells of text decide how it is stored
    first, second = hold_frame(frame, "arrow"), hold_frame(frame * 2, "arrow")

    assert second.schema is first.schema
    assert_same_table(restored(second).handout(), frame * 2)


def test_layouts_are_not_remembered_for_ever() -> None:
    """Tables that never come again, of ever other lengths say, leave room for others."""
    frame = plain()[["number", "share"]]
    first = hold_frame(frame, "arrow")

    for rows in range(REMEMBERED + 1):
        hold_frame(pd.DataFrame({"number": range(rows)}), "arrow")

    assert hold_frame(frame, "arrow").schema is not first.schema
