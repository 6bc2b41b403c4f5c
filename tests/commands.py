"""Commands as processes that a test watches while they go on."""

from typing import IO


def read_until(stream: IO[str] | None, *words: str) -> None:
    """Read lines until one holds all of some words."""
    assert stream is not None
    while line := stream.readline():
        if all(word in line for word in words):
            return
    raise AssertionError(f"the command ended before it wrote {words}")
