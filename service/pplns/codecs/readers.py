"""pyarrow's own streams: a RecordBatchReader or a Dataset, written batch by batch as one Arrow IPC stream.

A reader comes back as a new reader for each consumer. A dataset comes back as a dataset over the stored batches, with
the schema and the rows that it had: its files, partitions and filters are not part of the value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pplns.codecs.held import Artifact, Bytes, Sink, SourceFailed
from pplns.codecs.libraries import dataset, pyarrow
from pplns.codecs.tables import FileOfSink, check_type, column_types
from pplns.model.artifact import StoredValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.codecs.held import Compression


class ArrowStream(Artifact):
    """A RecordBatchReader or Dataset as a step returned it, on its way to the artifact."""

    __slots__ = ("_source", "columns", "meta", "rows")
    codec = "reader"
    extension = "arrows"
    is_streamed = True

    def __init__(self, source: Any) -> None:
        kind = "RecordBatchReader" if hasattr(source, "read_next_batch") else "Dataset"
        for field in source.schema:
            check_type(field.type, field.name)
        self._source = source
        self.meta: Mapping[str, Any] = {"type": kind}
        self.columns = column_types(source.schema)
        self.rows: int | None = None

    def handout(self) -> Any:
        """Refuse: a reader gives its batches once, to the artifact."""
        raise ValueError("a reader is handed out from its artifact")

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the batches as the source gives them.

        Raises: SourceFailed."""
        pa = pyarrow()

        is_dataset = self.meta["type"] == "Dataset"
        options = pa.ipc.IpcWriteOptions(compression=None if is_dataset else compression)
        rows = 0
        with pa.ipc.new_stream(FileOfSink(sink), self._source.schema, options=options) as writer:
            for batch in _guarded(_batches_of(self._source) if is_dataset else self._source):
                writer.write_batch(batch)
                rows += batch.num_rows
        self.rows = rows


class StoredArrowStream(Artifact):
    """The batches of an artifact, as a reader or a dataset."""

    __slots__ = ("_buffer", "columns", "meta", "rows")
    codec = "reader"
    extension = "arrows"

    def __init__(self, stored: StoredValue, data: Bytes) -> None:
        self.meta = stored.meta or {}
        self.rows = stored.rows
        self.columns = stored.columns
        self._buffer: Any = pyarrow().py_buffer(data)
        self._open()

    def handout(self) -> Any:
        """Return a new reader, or a dataset of the batches; both read from the artifact's bytes."""
        pa = pyarrow()

        reader = self._open()
        if self.meta["type"] == "Dataset":
            return dataset().dataset(reader.read_all())
        return pa.RecordBatchReader.from_batches(reader.schema, iter(reader))

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Refuse: it is written already."""
        raise ValueError("a restored stream is written already")

    def _open(self) -> Any:
        return pyarrow().ipc.open_stream(self._buffer)


def is_stream(value: object) -> bool:
    """Say whether a pyarrow object is a RecordBatchReader or a Dataset."""
    names = {base.__name__ for base in type(value).__mro__}
    return bool(names & {"RecordBatchReader", "Dataset"})


def _batches_of(source: Any) -> Iterator[Any]:
    """Return the batches of a dataset, few of them ahead of the writer."""
    scanner = source.scanner(batch_readahead=1, fragment_readahead=1)
    return iter(scanner.to_batches())


def _guarded(batches: Iterable[Any]) -> Iterator[Any]:
    found = iter(batches)
    while True:
        try:
            batch = next(found)
        except StopIteration:
            return
        except BaseException as error:
            raise SourceFailed(error) from error
        yield batch
