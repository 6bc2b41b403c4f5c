"""The locked wheels for the container's platform, as the files of their layer.

uv fetches and unpacks them on any system, and refuses one whose hash isn't the lock's. What it writes for this machine
rather than for the container (programs with this Python's path, marks of the installer) is left out again."""

import subprocess
import tempfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from pplns.errors import ConfigError
from pplns.settings import PROJECT_FILE, read_project_file
from pplns_deploy.image.contents.entries import Entry
from pplns_deploy.image.contents.places import site_packages
from pplns_deploy.locking import PLATFORMS, find_uv, read_lock
from pplns_deploy.locking.resolving import remedy_of
from pplns_deploy.locking.uv_settings import project_asking, read_uv_settings

_OF_THIS_MACHINE = frozenset({"bin", "Scripts", ".lock", "__pycache__"})
_OF_THE_INSTALLER = frozenset({"REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """An installed distribution."""

    name: str
    version: str


def install_wheels(lock: Path, *, root: Path, target: Path, platform: str, python: str) -> None:
    """Unpack the wheels that a lock with hashes names into an empty folder, for another platform and Python.

    uv runs in the project folder `root`, where it finds the indexes that the lock was made with.

    Raises: ConfigError with uv's own words, where a wheel isn't to be had or isn't the locked one."""
    with tempfile.TemporaryDirectory(prefix="pplns-") as scratch:
        command = [
            find_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
            "--target", str(target.resolve()), "--python-platform", PLATFORMS[platform], "--python-version", python,
            *_wanted(lock, Path(scratch), root=root, platform=platform),
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8",
            errors="replace", check=False,
        )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip()
        change = "Run `pplns lock` again, choose versions that have wheels, or check the index settings of uv."
        raise ConfigError(
            f"The wheels of {str(lock)!r} can't be had for {platform}, Python {python}.",
            f"Every locked requirement has a wheel for that platform, with the locked hash. uv says:\n{said}",
            remedy_of(said, change),
        )


def wheel_entries(target: Path, *, python: str) -> list[Entry]:
    """Return the files of the wheels that were unpacked into a folder."""
    place = site_packages(python)
    entries: list[Entry] = []
    for file in sorted(target.rglob("*")):
        path = file.relative_to(target)
        if not file.is_file() or path.parts[0] in _OF_THIS_MACHINE or "__pycache__" in path.parts:
            continue
        if _is_metadata(path, *_OF_THE_INSTALLER):
            continue
        content = _kept_records(file) if _is_metadata(path, "RECORD") else file
        entries.append(Entry(f"{place}/{path.as_posix()}", content))
    return entries


def packages_in(target: Path) -> list[Package]:
    """Return the distributions in a folder, by name."""
    headers = [HeaderParser().parsestr(file.read_text("utf-8")) for file in target.glob("*.dist-info/METADATA")]
    return sorted(Package(str(one["Name"]), str(one["Version"])) for one in headers)


def _wanted(lock: Path, scratch: Path, *, root: Path, platform: str) -> list[str]:
    """Return the options that say what is installed: the lock, and where packages have indexes of their own also those.

    uv takes sources from a project file only, and hashes from constraints too."""
    uv = read_uv_settings(read_project_file(root))
    locked = read_lock(lock) if uv.sources else None
    pins = locked.pins_on(platform).values() if locked else ()
    groups = locked.groups if locked else ()
    text = project_asking(uv, [f"{pin.name}=={pin.version}" for pin in pins], groups=groups, root=root)
    if text is None:
        return ["-r", str(lock.resolve())]
    (scratch / PROJECT_FILE).write_text(text, encoding="utf-8")
    return ["-r", str(scratch / PROJECT_FILE), "-c", str(lock.resolve())]


def _is_metadata(path: Path, *names: str) -> bool:
    return len(path.parts) == 2 and path.parts[0].endswith(".dist-info") and path.name in names


def _kept_records(file: Path) -> bytes:
    """Return the RECORD of a distribution without the lines of what is left out."""
    kept = [line for line in file.read_text("utf-8").splitlines() if not _is_left_out(line.partition(",")[0])]
    return "".join(f"{line}\n" for line in sorted(kept)).encode()


def _is_left_out(recorded: str) -> bool:
    path = Path(recorded.replace("\\", "/"))
    parts = [part for part in path.parts if part != ".."]
    return parts[0] in _OF_THIS_MACHINE or path.suffix == ".pyc" or path.name in _OF_THE_INSTALLER
