"""A file of a layer: its path in the container and where its bytes come from.

Owner, times and modes of the file system don't count: a Windows laptop has none of them. Whether a file may be
executed is told by its first bytes, and text whose ends of line mean nothing gets those of Linux."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

EXECUTABLE, READABLE = 0o755, 0o644
MAGIC = (b"#!", b"\x7fELF")
SAME_BY_ANY_LINE_END = frozenset({".py", ".pyi", ".toml"})  # their own specifications say so


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a symbolic link (`target`) at `path` in the container, which begins without a slash.

    `content` is the bytes themselves, or the file that has them."""

    path: str
    content: Path | bytes = b""
    target: str | None = None

    @property
    def mode(self) -> int:
        """0755 for programs, 0644 for all else."""
        return EXECUTABLE if self.head().startswith(MAGIC) else READABLE

    def head(self, length: int = 4) -> bytes:
        """Return the first bytes."""
        if isinstance(self.content, bytes):
            return self.content[:length]
        with self.content.open("rb") as file:
            return file.read(length)

    def read(self) -> bytes:
        """Return all bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


def file_entry(path: str, file: Path) -> Entry:
    """Return the entry of a file, with the line ends of Linux where that can't change what it means."""
    if file.suffix in SAME_BY_ANY_LINE_END:
        return Entry(path, linux_lines(file.read_bytes()))
    with file.open("rb") as opened:
        is_script = opened.read(2) == b"#!"
    return Entry(path, linux_lines(file.read_bytes()) if is_script else file)


def linux_lines(text: bytes) -> bytes:
    """Return a text with LF at the ends of its lines."""
    return text.replace(b"\r\n", b"\n")


def folders_of(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the folders above some entries, each once and before those in it."""
    seen: set[str] = set()
    for entry in entries:
        for folder in reversed(PurePosixPath(entry.path).parents[:-1]):
            if str(folder) not in seen:
                seen.add(str(folder))
                yield str(folder)
