"""Commands as processes that a test watches while they go on."""

from typing import IO


def read_until(stream: IO[str] | None, *words: str) -> None:
    """Read lines until one holds all of some words."""
    assert stream is not None
    while not all(word in (line := stream.readline()) for word in words):
        assert line, f"the command ended before it wrote {words}"
