"""The files of a project, as its layer holds them."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pplns.errors import ConfigError
from pplns.settings import PROJECT_FILE
from pplns_deploy.image.contents.entries import Entry, file_entry
from pplns_deploy.image.contents.ignoring import Ignored, holds_image, holds_key, is_ejected, read_ignored
from pplns_deploy.image.contents.places import APP

_PASSWORD = re.compile(rb"""://[^/\s:@"']+:[^/\s@"'$]+@""")  # ${NAME} stands for one, and isn't one


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """What enters the layer, and the files that were left out since they hold a key."""

    entries: tuple[Entry, ...]
    keys: tuple[str, ...]

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Yield the path in the project and the size of each file in bytes."""
        for entry in self.entries:
            content = entry.content
            size_bytes = len(content) if isinstance(content, bytes) else content.stat().st_size
            yield entry.path.removeprefix(f"{APP}/"), size_bytes


def project_files(root: Path) -> ProjectFiles:
    """Return the files of a project that aren't ignored.

    Raises: ConfigError for a symbolic link that leads out of the project, a broken `.pplnsignore`, a password in
    pyproject.toml, and for what can't be read or written into an image."""
    root = root.resolve()
    try:
        return _found(root)
    except OSError as error:
        raise ConfigError(
            f"{error.filename!r} can't be read: {error.strerror or error}.",
            "The image holds each file of the project that isn't ignored.",
            "Make it readable, close the program that keeps it, or name it in .pplnsignore.",
        ) from error


def _found(root: Path) -> ProjectFiles:
    entries: list[Entry] = []
    keys: list[str] = []
    for path, file in _walk(root, root, read_ignored(root)):
        _check_name(path)
        if path == PROJECT_FILE:
            _check_settings(file)
        if file.is_symlink():
            entries.append(_link(path, file, root))
        elif holds_key(file):
            keys.append(path)
        elif not holds_image(file):
            entries.append(file_entry(f"{APP}/{path}", file))
    return ProjectFiles(tuple(entries), tuple(keys))


def _walk(folder: Path, root: Path, ignored: Ignored) -> Iterator[tuple[str, Path]]:
    """Yield each file and link below a folder; what a folder that is ignored holds isn't looked at."""
    for found in sorted(os.scandir(folder), key=lambda one: one.name):
        file = Path(found.path)
        path = file.relative_to(root).as_posix()
        is_folder = found.is_dir(follow_symlinks=False) and not is_junction(file)
        if ignored.is_ignored(path, is_folder=is_folder):
            continue
        if is_folder:
            if is_ejected(file):
                continue
            ignored.enter(path, file)
            yield from _walk(file, root, ignored)
        elif found.is_symlink() or found.is_file():
            yield path, file
        elif is_junction(file):
            raise _leads_out(path, file.resolve())


def is_junction(file: Path) -> bool:
    """Tell whether this is a junction, Windows' link to a folder; Python knows them from 3.12."""
    return bool(getattr(file, "is_junction", lambda: False)())


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"The name of the file {path!r} isn't UTF-8.",
            "Names in an image are, as on every system but Linux.",
            "Rename the file, or name it in .pplnsignore, with a * for what can't be written.",
        ) from None


def _check_settings(file: Path) -> None:
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if _PASSWORD.search(line):
            raise ConfigError(
                f"{str(file)!r} has an address with a password in line {number}, and would be in the image.",
                "The image holds no credentials; the one of an index stands in the user's own settings.",
                "Take it out, and set UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD for the index that is called"
                " NAME, or write it into your own uv.toml.",
            )


def _link(path: str, file: Path, root: Path) -> Entry:
    try:
        end = file.resolve()
    except (OSError, RuntimeError):  # a ring of links
        end = file
    if not end.is_relative_to(root) or end == file:
        raise _leads_out(path, end)
    steps_up = len(PurePosixPath(path).parent.parts)
    target = PurePosixPath(*[".."] * steps_up, end.relative_to(root).as_posix())
    return Entry(f"{APP}/{path}", target=str(target))


def _leads_out(path: str, end: Path) -> ConfigError:
    return ConfigError(
        f"The link {path!r} leads to {str(end)!r}, out of the project.",
        "The image holds what is in the project's folder, and its links lead to places in it.",
        "Put a copy of that file into the project, or name the link in .pplnsignore.",
    )
