"""numpy arrays in numpy's own format (.npy), without objects.

A held array is a copy, a restored one reads from the artifact, and each consumer gets a copy of its own: an array has
no copy-on-write."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

from pplns.codecs.held import Bytes, Sink, Untabled
from pplns.codecs.libraries import numpy
from pplns.codecs.refusal import UnstorableError, unstorable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.codecs.held import Compression


class Array(Untabled):
    """A numpy array; any dtype but objects, in C or Fortran order."""

    __slots__ = ("array",)
    codec = "numpy"
    extension = "npy"
    meta: Mapping[str, Any] | None = None

    def __init__(self, array: Any) -> None:
        self.array = array

    @classmethod
    def held(cls, array: Any) -> Array:
        """Take a copy of an array.

        Raises: UnstorableError."""
        check_array(array)
        return cls(array.copy(order="K"))

    @classmethod
    def of(cls, data: Bytes) -> Array:
        """Return the array of an artifact."""
        return cls(read_npy(data))

    def handout(self) -> Any:
        """Return a writable copy."""
        return self.array.copy(order="K")

    def give(self) -> Any:
        """Return the array itself: nobody else has it. One that reads from its artifact is copied, to be writable."""
        return self.array if self.array.flags.writeable else self.handout()

    def write(self, sink: Sink, *, compression: Compression = None) -> None:
        """Write the array, header first, in parts of 16 MB: never a copy of the whole."""
        numpy().lib.format.write_array(sink, self.array, version=_version_for(self.array.dtype), allow_pickle=False)


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
    """Return the array of a .npy file. It reads from the buffer itself, so it may be read-only.

    Raises: ValueError."""
    np = numpy()

    source = _Reader(memoryview(data))
    version = np.lib.format.read_magic(source)
    if version not in _HEADERS:  # names of fields in other alphabets
        return np.lib.format.read_array(_Reader(memoryview(data)), allow_pickle=False)
    shape, is_fortran, dtype = getattr(np.lib.format, _HEADERS[version])(source)
    if dtype.hasobject:
        raise ValueError("an array of objects")
    if dtype.itemsize == 0:
        return np.zeros(shape, dtype, order="F" if is_fortran else "C")
    count = math.prod(shape)
    array = np.frombuffer(source.data, dtype, count=count, offset=source.place) if count else np.empty(0, dtype)
    return array.reshape(shape, order="F" if is_fortran else "C")


def _version_for(dtype: Any) -> tuple[int, int]:
    """Return the version of .npy that can name a dtype's fields; numpy warns where it chooses one by itself."""
    try:
        str(dtype.descr).encode("latin1")
    except UnicodeEncodeError:
        return 3, 0
    return 2, 0


class _Reader:
    """What numpy reads headers from: slices of a buffer, so that a mapped file isn't copied."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.place = 0

    def read(self, size: int) -> bytes:
        start, self.place = self.place, self.place + size
        return bytes(self.data[start : self.place])


_HEADERS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}
