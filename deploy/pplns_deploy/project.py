"""A new project: which files it gets, and how they are written without ever writing over anything.

The files come from `templates/` and, for the shipped example, from its own folder: inside the installed package, or
in a checkout beside `deploy/`."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pplns.errors import ConfigError

FIRST_PIPELINES = {"starter": "sales", "nyc_flights": "nyc_flights", "daily_orders": "daily_orders"}
NAME_MARK, DEPENDENCIES_MARK = "{{name}}", "{{dependencies}}"
DEPENDENCIES = {"daily_orders": ("google-cloud-bigquery>=3.20,<4",)}  # besides pplns

_HERE = Path(__file__).parent
_TEMPLATES = _HERE / "templates"
_SHIPPED = (_HERE / "_assets" / "pipelines", _HERE.parents[1] / "pipelines")
_NOT_COPIED = {"__pycache__", "out", ".pplns", ".pytest_cache", ".ipynb_checkpoints"}
_ENDING = ".tmpl"  # so that no tool takes the templates for code and settings of this package


def plan_project(target: Path, example: str) -> dict[PurePosixPath, bytes]:
    """Return the files of a new project by their path in it.

    Raises: ConfigError where this installation lacks the example."""
    name = project_name(target)
    needed = ", ".join(f'"{one}"' for one in ("pplns", *DEPENDENCIES.get(example, ())))
    marks = {NAME_MARK: name, DEPENDENCIES_MARK: needed}
    files = {**_read_template("common", marks), **_read_template(example, marks)}
    if example != "starter":
        folder = PurePosixPath("pipelines") / example
        files |= {folder / path: data for path, data in _read_folder(_shipped(example))}
    return files


def write_project(target: Path, files: Mapping[PurePosixPath, bytes]) -> None:
    """Write the files of a new project into a folder, which is made where it isn't there.

    Raises: ConfigError, before anything is written, when one of the files exists."""
    taken = [path for path in files if (target / path).exists() or (target / path).is_symlink()]
    if taken:
        raise _refuse_taken(target, taken)
    try:
        for path, data in files.items():
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as stream:  # refuses a file that came up since
                stream.write(data)
    except OSError as error:
        raise ConfigError(
            f"The project can't be written to {str(target)!r}: {error.strerror or error}.",
            "It goes into a new folder, or one that can be written.",
            "Choose another folder: pplns init DIR.",
        ) from error


def project_name(target: Path) -> str:
    """Return a name for pyproject.toml that packaging takes, from the name of the folder."""
    plain = unicodedata.normalize("NFKD", target.resolve().name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "my-pipelines"


def _read_template(template: str, marks: Mapping[str, str]) -> dict[PurePosixPath, bytes]:
    """Return the files of a template, with what stands for each mark in its place."""
    files = {
        path.with_name(path.name.removesuffix(_ENDING)): data for path, data in _read_folder(_TEMPLATES / template)
    }
    for mark, text in marks.items():
        files = {path: data.replace(mark.encode(), text.encode()) for path, data in files.items()}
    return files


def _read_folder(folder: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if file.is_file() and not _NOT_COPIED.intersection(path.parts):
            yield PurePosixPath(path.as_posix()), file.read_bytes()


def _shipped(example: str) -> Path:
    for folder in _SHIPPED:
        if (folder / example / "pipeline.py").is_file():
            return folder / example
    raise ConfigError(
        f"The example {example!r} isn't part of this installation.",
        "It comes with the package.",
        "Install pplns again: pip install --force-reinstall pplns.",
    )


def _refuse_taken(target: Path, taken: list[PurePosixPath]) -> ConfigError:
    names = ", ".join(repr(str(path)) for path in sorted(taken))
    place = "its pyproject.toml" if (target / "pyproject.toml").exists() else "a file pyproject.toml in it"
    return ConfigError(
        f"{str(target)!r} has {names} already.",
        "A new project never writes over a file.",
        f"Choose another folder: pplns init DIR. To make this folder a project, add the line [tool.pplns] to {place}.",
    )
