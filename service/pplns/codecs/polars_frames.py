"""polars DataFrames and Series, in polars' own Arrow IPC; polars is the user's dependency, not ours."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from pplns.codecs.held import Artifact, Bytes, Sink
from pplns.codecs.libraries import polars
from pplns.codecs.refusal import UnstorableError, unstorable
from pplns.codecs.values import encode_text
from pplns.model.artifact import StoredValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.codecs.held import Compression


class PolarsFrame(Artifact):
    """A polars DataFrame or Series; clones share their data until one of them is changed."""

    __slots__ = ("columns", "frame", "meta", "rows")
    codec = "polars"
    extension = "arrow"

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self.rows: int = len(frame)
        self.meta: Mapping[str, Any] = {"type": type(frame).__name__}
        self.columns = {name: str(dtype) for name, dtype in _table(frame).schema.items()}

    @classmethod
    def held(cls, frame: Any) -> PolarsFrame:
        """Hold a frame.

        Raises: UnstorableError, naming the column."""
        pl = polars()

        if type(frame) not in (pl.DataFrame, pl.Series):
            raise unstorable(frame)
        for name, dtype in _table(frame).schema.items():
            if dtype == pl.Object or type(encode_text(name, [])) is not str:
                refused = UnstorableError(
                    "values of dtype Object", "Give the column a dtype that polars knows: `.cast(…)`."
                )
                refused.column = f"column {name!r}"
                raise refused
        return cls(frame.clone())

    @classmethod
    def of(cls, stored: StoredValue, data: Bytes) -> PolarsFrame:
        """Return the frame of an artifact."""
        pl = polars()

        try:
            table = pl.read_ipc(io.BytesIO(data))
        except pl.exceptions.PolarsError as error:
            raise ValueError(str(error)) from error
        return cls(table.to_series() if (stored.meta or {})["type"] == "Series" else table)

    def handout(self) -> Any:
        """Return a clone."""
        return self.frame.clone()

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the frame."""
        buffer = io.BytesIO()
        _table(self.frame).write_ipc(buffer, compression=compression or "uncompressed")
        sink.write(buffer.getbuffer())


def _table(frame: Any) -> Any:
    return frame if hasattr(frame, "columns") else frame.to_frame()
