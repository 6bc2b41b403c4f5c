"""The installed pplns as a layer: a copy of the package that packages, without the deploy tool.

So the container runs the pplns that the project was tried with, also one from a checkout."""

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import pplns
from pplns.errors import ConfigError
from pplns_deploy.image.contents.entries import Entry, linux_lines
from pplns_deploy.image.contents.places import SERVICE, site_packages

_HERE = Path(__file__).parents[2]
_MAIN = (_HERE / "_assets" / "service" / "main.py", _HERE.parents[1] / "service" / "main.py")  # installed, a checkout


def runtime_entries(*, python: str) -> list[Entry]:
    """Return the files of pplns and of `main.py`.

    Raises: ConfigError where this installation lacks main.py."""
    place = site_packages(python)
    entries = list(_files(resources.files("pplns"), f"{place}/pplns"))
    information = f"{place}/pplns-{pplns.__version__}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: pplns\nVersion: {pplns.__version__}\n"
    return [*entries, Entry(f"{information}/METADATA", metadata.encode()), Entry(f"{SERVICE}/main.py", _main())]


def _files(folder: Traversable, place: str) -> Iterator[Entry]:
    for found in sorted(folder.iterdir(), key=lambda one: one.name):
        if found.is_dir() and found.name != "__pycache__":
            yield from _files(found, f"{place}/{found.name}")
        elif found.is_file() and not found.name.endswith((".pyc", "~")):
            yield Entry(f"{place}/{found.name}", linux_lines(found.read_bytes()))


def _main() -> bytes:
    for file in _MAIN:
        if file.is_file():
            return linux_lines(file.read_bytes())
    raise ConfigError(
        "The file service/main.py isn't part of this installation.",
        "It comes with the package.",
        "Install pplns again: pip install --force-reinstall pplns.",
    )
