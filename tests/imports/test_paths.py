"""What is asked about paths by their text is what pathlib answers."""

from pathlib import PurePath

from hypothesis import example, given
from hypothesis import strategies as st

from pplns.paths import from_folder, steps_down

NAMES = st.lists(st.sampled_from(("a", "b", "ab", "a b", "ä")), max_size=4)


@given(NAMES, NAMES)
@example([], [])
@example(["a"], ["ab"])
@example(["a"], ["a"])
def test_a_place_in_a_folder_is_told_as_pathlib_tells_it(folder, place):
    """Also in the root, and beside a folder whose name begins as the place's does."""
    above, inner = PurePath("/", *folder), PurePath("/", *place)

    found = steps_down(above, inner)

    assert found == (list(inner.relative_to(above).parts) if inner.is_relative_to(above) else None)
    assert from_folder(above, inner) == (str(inner) if found is None else inner.relative_to(above).as_posix())


def test_names_above_are_followed_by_text():
    """No file need be there."""
    assert steps_down("a", "a/b/../c/") == ["c"]
    assert steps_down("a/b", "a/b/../c") is None
