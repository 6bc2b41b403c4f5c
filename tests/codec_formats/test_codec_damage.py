"""Bytes that aren't what a step left are an error of ours, so that the step runs again."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pplns.codecs import hold, restore
from pplns.errors import DamagedArtifact
from storing import artifact_of, stored_value

VALUES: dict[str, Any] = {
    "json": list(range(20_000)),
    "text": "é" * 20_000,
    "numpy": np.arange(10),
    "arrow": pa.table({"a": [1, 2]}),
    "pandas": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
}
DAMAGES = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2 - 1],
    "noise": lambda data: b"\xff" * len(data),
}


DAMAGED = [(codec, damage) for codec in VALUES for damage in DAMAGES if (codec, damage) != ("text", "empty")]


@pytest.mark.parametrize(("codec", "damage"), DAMAGED)
def test_damaged_bytes_are_an_error_of_ours(codec: str, damage: str):
    """Whatever the library under a codec raises, the engine sees DamagedArtifact. (No bytes are a legal text.)"""
    held = hold(VALUES[codec], where="Step 'make'")
    data = DAMAGES[damage](artifact_of(held))

    with pytest.raises(DamagedArtifact, match=codec):
        restore(stored_value(held, artifact="a"), data)


INLINE: list[Any] = [{"$": "unknown", "v": 1}, {"$": "date", "v": "2013"}, {"$": "date"}, {"$": "enum", "v": {}}]


@pytest.mark.parametrize("inline", INLINE, ids=str)
def test_a_value_in_the_commit_that_means_nothing_is_an_error_of_ours(inline: Any):
    """A tag of a newer pplns, or a damaged one."""
    held = hold(1, where="Step 'make'")

    with pytest.raises(DamagedArtifact, match="can't be read back"):
        restore(stored_value(held, inline=inline), None)


def test_a_codec_of_a_newer_pplns_is_an_error_of_ours():
    """The message names it."""
    stored = stored_value(hold(1, where="Step 'make'"), artifact="a")

    with pytest.raises(DamagedArtifact, match="KeyError: 'hologram'"):
        restore(type(stored)(codec="hologram", digest="", size_bytes=0, artifact="a"), b"")
