"""What is taken from the interpreter's C is what the standard library hands out."""

import datetime
import hashlib
import heapq
import queue
import signal
import subprocess
import sys
import weakref

import pytest

from pplns import built_in


def test_they_are_the_objects_of_the_standard_library():
    """A datetime of ours is one to everybody, and so is the end of a queue."""
    assert built_in.datetime is datetime.datetime
    assert built_in.UTC is datetime.UTC
    assert built_in.SimpleQueue is queue.SimpleQueue
    assert built_in.Empty is queue.Empty
    assert built_in.heappush is heapq.heappush
    assert built_in.heappop is heapq.heappop
    assert built_in.ref is weakref.ref
    assert built_in.WeakSet is weakref.WeakSet


def test_sha256_digests_as_hashlib_does():
    """The digests in records were made by either."""
    assert built_in.sha256(b"a step").hexdigest() == hashlib.sha256(b"a step").hexdigest()


def test_a_signal_set_by_one_is_seen_by_the_other():
    """Ctrl-C is the interpreter's, not a module's."""
    assert built_in.signal.getsignal(built_in.signal.SIGINT) is signal.getsignal(signal.SIGINT)


@pytest.mark.parametrize("module", ["_datetime", "_heapq", "_queue", "_sha2", "_sha256"])
def test_an_interpreter_without_one_takes_the_standard_module(module):
    """Where the standard library itself can do without it."""
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from pplns.built_in import UTC, SimpleQueue, datetime, heappop, heappush, sha256, signal\n"
        "queue = SimpleQueue(); queue.put(sha256(b'').hexdigest()[:4])\n"
        "heap = [2]; heappush(heap, 1); can_stop = callable(signal.default_int_handler)\n"
        "print(queue.get(), heappop(heap), datetime(2013, 1, 1, tzinfo=UTC).isoformat(), can_stop)"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ended.stdout.split() == ["e3b0", "1", "2013-01-01T00:00:00+00:00", "True"]
