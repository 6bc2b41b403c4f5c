"""uv, called to resolve requirements for a container: only wheels, with hashes, by the user's own indexes.

uv runs in the project folder, so `[tool.uv]`, `uv.toml` and the `UV_…` variables hold; credentials stay there."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pplns.errors import ConfigError
from pplns.settings import PROJECT_FILE
from pplns_deploy.locking.inputs import PLATFORMS, US
from pplns_deploy.locking.lockfile import Pin, parse_pins

RESOLVE_SECONDS = 900


def resolve(
    requirements: Iterable[str], *, platform: str, python: str, root: Path, keep: str = "", upgrade: bool = False,
    project: str | None = None,
) -> tuple[Pin, ...]:  # fmt: skip
    """Return the packages that satisfy requirements on a platform, with the hashes of all their files.

    `keep` is the text of a lock whose versions stay where they still fit, unless `upgrade` is set. `project` is that of
    a project file which asks for the requirements from sources of their own.

    Raises: ConfigError where there is no solution, no wheel, or no uv."""
    with tempfile.TemporaryDirectory(prefix="pplns-") as scratch:
        asked, found = Path(scratch) / "requirements.in", Path(scratch) / "requirements.txt"
        asked = asked if project is None else asked.with_name(PROJECT_FILE)
        asked.write_text(project or "".join(f"{one}\n" for one in requirements), encoding="utf-8")
        found.write_text(keep, encoding="utf-8")
        try:
            ended = subprocess.run(
                _command(asked, found, platform=platform, python=python, upgrade=upgrade),
                cwd=root, stdin=subprocess.DEVNULL, capture_output=True, timeout=RESOLVE_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise _refused(f"nothing, in {RESOLVE_SECONDS} s", platform, python) from error
        if ended.returncode:
            raise _refused(ended.stderr.decode("utf-8", "replace"), platform, python)
        return parse_pins(found.read_text("utf-8"))


def remedy_of(said: str, otherwise: str) -> str:
    """Return what to do about something that uv refused: another thing where it didn't get through to an index."""
    if "Failed to fetch" in said or "error sending request" in said:
        return "Check the network, and the index settings of uv with their credentials; then try again."
    return otherwise


def find_uv() -> str:
    """Return the uv that is installed beside pplns, or the one on the path.

    Raises: ConfigError where there is none."""
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        pass
    on_path = shutil.which("uv")
    if on_path is None:
        raise ConfigError(
            "uv isn't installed here, which locks and fetches packages.",
            "It comes with the extra `deploy`.",
            "Install it: pip install 'pplns[deploy]'.",
        )
    return on_path


def _command(asked: Path, found: Path, *, platform: str, python: str, upgrade: bool) -> list[str]:
    return [
        find_uv(), "pip", "compile", str(asked), "--output-file", str(found), "--generate-hashes", "--no-header",
        "--no-annotate", "--python", sys.executable, "--python-version", python,
        "--python-platform", PLATFORMS[platform], "--only-binary", ":all:", "--no-emit-package", US,
        "--quiet", "--no-progress", "--color", "never", *(["--upgrade"] if upgrade else []),
    ]  # fmt: skip


def _refused(errors: str, platform: str, python: str) -> ConfigError:
    said = "\n".join(line.rstrip() for line in errors.strip().splitlines())
    other = '; where nothing runs on {}, leave it out: platforms = ["linux/amd64"] in [tool.pplns.lock]'
    change = "Change the requirement that uv names, or add a wheel of it to an index that uv knows"
    return ConfigError(
        f"The requirements can't be locked for {platform} and Python {python}.",
        f"Each package comes as a wheel for that platform; nothing is built. uv says:\n{said}",
        remedy_of(said, f"{change}{other.format(platform) if platform != 'linux/amd64' else ''}."),
    )
