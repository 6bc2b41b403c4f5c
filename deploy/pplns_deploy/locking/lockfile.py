"""`requirements.lock`: one file for every platform, that pip and uv install with `--require-hashes`.

A package whose version differs from one platform to the other stands there once for each, with a marker. Nothing in
the file says where packages come from."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from pplns.errors import ConfigError
from pplns_deploy.locking.inputs import MACHINES

LOCK_FILE = "requirements.lock"
SCHEMA = "1"

_HEAD = "# Made by `pplns lock`. Change the requirements of the project and run it again; don't edit this file.\n"
_FACT = re.compile(r"^# (pplns-lock|inputs|python|platforms|groups): ?(.*)$", re.MULTILINE)
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(\[[^\]]*\])?==([^\s;]+)(?: *; *([^\\]+?))?(?: *\\)?$")
_CONFLICT = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)  # git's marks
_HASH = re.compile(r"--hash=(\w+:[0-9a-fA-F]+)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One package: its version and the hashes of its files. `platform` is the only one that it is for, or None."""

    name: str
    version: str
    hashes: tuple[str, ...]
    platform: str | None = None

    def as_lines(self) -> str:
        """Return the pin as a requirement with hashes."""
        marker = f" ; platform_machine == '{MACHINES[self.platform]}'" if self.platform else ""
        return " \\\n    ".join([f"{self.name}=={self.version}{marker}", *(f"--hash={one}" for one in self.hashes)])


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock: what it was made from (`inputs` is a digest), for what, and its packages sorted by name."""

    inputs: str
    python: str
    platforms: tuple[str, ...]
    groups: tuple[str, ...]
    pins: tuple[Pin, ...]

    def as_text(self) -> str:
        """Return the text of the file."""
        facts = {
            "pplns-lock": SCHEMA,
            "inputs": self.inputs,
            "python": self.python,
            "platforms": ", ".join(self.platforms),
            "groups": ", ".join(self.groups),
        }
        head = "".join(f"# {name}: {value}".rstrip() + "\n" for name, value in facts.items())
        return _HEAD + head + "".join(f"{pin.as_lines()}\n" for pin in self.pins)

    def pins_on(self, platform: str) -> dict[str, Pin]:
        """Return the packages that one platform gets, by name."""
        return {pin.name: pin for pin in self.pins if pin.platform in (None, platform)}


def lock_file_of(root: Path, groups: tuple[str, ...] = ()) -> Path:
    """Return the lock of a set of groups: `requirements.lock`, or `requirements.ml.lock` for the group `ml`."""
    return root / (f"requirements.{'+'.join(groups)}.lock" if groups else LOCK_FILE)


def read_lock(file: Path) -> Lock | None:
    """Return a lock, or None where there is none.

    Raises: ConfigError for a file that `pplns lock` hasn't made, or that a merge has left undecided."""
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _not_a_lock(file, str(error)) from error
    facts = dict(_FACT.findall(text))
    if facts.get("pplns-lock") != SCHEMA:
        raise ConfigError(
            f"{str(file)!r} isn't a lock that this pplns reads.",
            f"It says `pplns-lock: {SCHEMA}` at its top.",
            "Move it away, or run `pplns lock` of the version of pplns that made it.",
        )
    if missing := [name for name in ("inputs", "python", "platforms", "groups") if name not in facts]:
        raise _not_a_lock(file, f"it doesn't say `{missing[0]}`")
    if _CONFLICT.search(text):
        raise _not_a_lock(file, "a merge has left two versions of some lines in it")
    return Lock(
        inputs=facts["inputs"],
        python=facts["python"],
        platforms=_parts(facts["platforms"]),
        groups=_parts(facts["groups"]),
        pins=parse_pins(text),
    )


def parse_pins(text: str) -> tuple[Pin, ...]:
    """Return the packages of a requirements file as uv or `pplns lock` writes it."""
    platforms = {machine: platform for platform, machine in MACHINES.items()}
    found: list[Pin] = []
    for block in re.split(r"\n(?=\S)", text):
        head, _, rest = block.partition("\n")
        match = _PIN.match(head.strip())
        if match:
            machine = re.search(r"platform_machine == '(\w+)'", match[4] or "")
            platform = platforms.get(machine[1]) if machine else None
            hashes = tuple(sorted(_HASH.findall(rest)))
            found.append(Pin(canonicalize_name(match[1]), match[3], hashes, platform))
    return tuple(found)


def merge_pins(by_platform: Mapping[str, Iterable[Pin]]) -> tuple[Pin, ...]:
    """Return the pins of all platforms as one list; what differs, or is on one only, is marked with its platform."""
    met: dict[tuple[str, str], dict[str, Pin]] = {}
    for platform, pins in by_platform.items():
        for pin in pins:
            met.setdefault((pin.name, pin.version), {})[platform] = pin
    merged: list[Pin] = []
    for (name, version), on in sorted(met.items()):
        hashes = tuple(sorted({one for pin in on.values() for one in pin.hashes}))
        places = [None] if len(on) == len(by_platform) else sorted(on)
        merged += [Pin(name, version, hashes, place) for place in places]
    return tuple(merged)


def _not_a_lock(file: Path, problem: str) -> ConfigError:
    return ConfigError(
        f"{str(file)!r} can't be read as a lock: {problem}.",
        "`pplns lock` writes it whole.",
        "Delete it, and run `pplns lock`.",
    )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
