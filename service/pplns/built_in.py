"""What the interpreter has in C or has imported, without the modules of the standard library around it.

In Python 3.11 `datetime` and `heapq` define in Python what they have in C, `signal` makes enums of its numbers, `queue`
brings queues of other kinds and hashlib loads OpenSSL: 5 to 10 ms of each start. They are the same objects, whoever
imports the standard modules later. An interpreter that was built without one takes the module's."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from datetime import UTC, datetime
    from hashlib import sha256
    from heapq import heappop, heappush
    from queue import Empty, SimpleQueue
    from weakref import WeakSet, ref
else:
    try:
        from _datetime import UTC, datetime
    except ImportError:
        from datetime import UTC, datetime
    try:
        from _heapq import heappop, heappush
    except ImportError:
        from heapq import heappop, heappush
    try:
        from _queue import Empty, SimpleQueue
    except ImportError:
        from queue import Empty, SimpleQueue
    try:
        import _signal as signal
    except ImportError:
        import signal
    try:
        from _sha2 import sha256
    except ImportError:
        try:
            from _sha256 import sha256  # Python 3.11
        except ImportError:
            from hashlib import sha256
    try:
        from _weakref import ref
        from _weakrefset import WeakSet  # in Python, but `threading` brings it
    except ImportError:
        from weakref import WeakSet, ref

__all__ = [
    "UTC",
    "Empty",
    "SimpleQueue",
    "WeakSet",
    "datetime",
    "heappop",
    "heappush",
    "ref",
    "sha256",
    "signal",
]
