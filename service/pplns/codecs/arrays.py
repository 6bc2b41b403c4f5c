"""numpy arrays in numpy's own format (.npy), without objects.

Held and restored arrays are copies, and each consumer gets another one: an array has no copy-on-write."""

import io
from collections.abc import Mapping
from typing import Any

from pplns.codecs.held import Bytes, Compression, Sink, Untabled
from pplns.codecs.libraries import numpy
from pplns.codecs.refusal import UnstorableError, unstorable


class Array(Untabled):
    """A numpy array; any dtype but objects, in C or Fortran order."""

    __slots__ = ("array",)
    codec = "numpy"
    extension = "npy"
    meta: Mapping[str, Any] | None = None

    def __init__(self, array: Any) -> None:
        self.array = array

    @classmethod
    def held(cls, array: Any) -> "Array":
        """Take a copy of an array.

        Raises: UnstorableError."""
        check_array(array)
        return cls(array.copy(order="K"))

    @classmethod
    def of(cls, data: Bytes) -> "Array":
        """Return the array of an artifact."""
        return cls(read_npy(data))

    def handout(self) -> Any:
        """Return a writable copy."""
        return self.array.copy(order="K")

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the array, header first, without a copy of the whole."""
        numpy().lib.format.write_array(sink, self.array, allow_pickle=False)


def check_array(array: Any) -> None:
    """Refuse an array that .npy can't hold without pickle.

    Raises: UnstorableError."""
    np = numpy()

    if type(array) is not np.ndarray:
        raise unstorable(array)
    if array.dtype.hasobject or array.dtype.kind == "T":
        raise UnstorableError(
            f"numpy array of dtype {str(array.dtype)!r}",
            'Return a list or a table, or give the array a dtype: array.astype("U") or astype("float64"), for example.',
            expected="Arrays hold numbers, booleans, times, bytes or fixed-width text.",
        )


def npy_bytes(array: Any) -> bytes:
    """Return an array as the bytes of a .npy file.

    Raises: UnstorableError."""
    check_array(array)
    buffer = io.BytesIO()
    Array(array).write(buffer)
    return buffer.getvalue()


def read_npy(data: Bytes) -> Any:
    """Return the array of a .npy file.

    Raises: ValueError."""
    return numpy().lib.format.read_array(_Reader(memoryview(data)), allow_pickle=False)


class _Reader:
    """What numpy reads from: slices of a buffer, so that a mapped file isn't copied twice."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.place = 0

    def read(self, size: int) -> bytes:
        start, self.place = self.place, self.place + size
        return bytes(self.data[start : self.place])
