"""Images by docker, or by Cloud Build (`cloud_build`), for who needs system packages: the same by a Dockerfile.

The project's own Dockerfile is used where it has one, else the one that `dockerfile` writes. The folder that is built
has `requirements.lock`, `opt/` (pplns and main.py) and `app/` (the project); secrets are left out of it as of the
layers."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Literal

from pplns.errors import ConfigError, RegistryError
from pplns_deploy.image.build import Recipe, pipelines_folder
from pplns_deploy.image.contents.entries import Entry
from pplns_deploy.image.contents.places import APP, LIBRARIES, site_packages
from pplns_deploy.image.contents.project import project_files
from pplns_deploy.image.contents.runtime import runtime_entries
from pplns_deploy.image.documents import COMMAND, PORT, USER, container_environ
from pplns_deploy.locking import LOCK_FILE

Builder = Literal["docker", "cloud-build"]
OWN_FILE = "Dockerfile"
_PLAIN = re.compile(r"[\w./:-]+")


def dockerfile(recipe: Recipe, *, base: str) -> str:
    """Return the Dockerfile that makes what `pplns package` makes itself."""
    environ = " \\\n    ".join(
        f"{name}={_quoted(value)}"
        for name, value in container_environ(pipelines=pipelines_folder(recipe.settings)).items()
    )
    command = ", ".join(f'"{word}"' for word in COMMAND)
    return f"""FROM {base}
# RUN apt-get update && apt-get install -y --no-install-recommends … && rm -rf /var/lib/apt/lists/*
COPY {LOCK_FILE} /tmp/{LOCK_FILE}
RUN python -m pip install --no-cache-dir --no-compile --no-deps --require-hashes --only-binary :all: \\
    --target /{site_packages(recipe.python)} --requirement /tmp/{LOCK_FILE} \\
    && python -m compileall -q --invalidation-mode unchecked-hash /{LIBRARIES}
COPY opt /opt
COPY {APP} /{APP}
RUN python -m compileall -q --invalidation-mode unchecked-hash /{site_packages(recipe.python)}/pplns /{APP}
ENV {environ}
EXPOSE {PORT}
WORKDIR /{APP}
USER {USER}
CMD [{command}]
"""


def write_context(recipe: Recipe, folder: Path, *, base: str) -> None:
    """Write the folder that a Dockerfile is built in.

    Raises: ConfigError as `project_files` does."""
    root = recipe.settings.root
    for entry in (*runtime_entries(python=recipe.python), *project_files(root).entries):
        _write(entry, folder)
    shutil.copyfile(recipe.lock, folder / LOCK_FILE)
    own = root / OWN_FILE
    text = own.read_text("utf-8") if own.is_file() else dockerfile(recipe, base=base)
    (folder / OWN_FILE).write_text(text, encoding="utf-8", newline="\n")


def build_by_docker(folder: Path, *, tag: str, platform: str, is_pushed: bool) -> None:
    """Build a folder by docker, or a program of that name that takes its arguments; its words go to stderr.

    Raises: ConfigError where it isn't there; RegistryError where it fails."""
    program = shutil.which("docker")
    if program is None:
        raise ConfigError(
            "There is no docker here.",
            "--builder docker calls it.",
            "Install it, or leave --builder out: pplns builds images itself.",
        )
    _call(program, "build", "--platform", platform, "--tag", tag, str(folder))
    if is_pushed:
        _call(program, "push", tag)


def _quoted(value: str) -> str:
    """Return a value as ENV takes it; a folder's name may have spaces, or what a Dockerfile replaces."""
    return value if _PLAIN.fullmatch(value) else '"' + re.sub(r'(["$\\])', r"\\\1", value) + '"'


def _call(program: str, *arguments: str) -> None:
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, stdout=2, check=False)
    if done.returncode:
        raise RegistryError(
            f"`docker {arguments[0]}` ended with {done.returncode}.",
            "Its own words are above.",
            "Correct the Dockerfile, or what docker complains of.",
        )


def _write(entry: Entry, folder: Path) -> None:
    place = folder / entry.path
    place.parent.mkdir(parents=True, exist_ok=True)
    if entry.target is not None:
        place.symlink_to(entry.target)
    else:
        place.write_bytes(entry.read())
        place.chmod(entry.mode)
