"""Leaving pplns: an environment's Terraform configuration as files of the user's, with which Terraform alone goes on.

They are the modules as they were applied, the variables that change nothing, and the place of the state. So the first
plan of the folder is empty; the pipelines' code and the image stay what they are."""

import json
import shutil
import tempfile
from pathlib import Path

from pplns.errors import ConfigError
from pplns_deploy.deploying.deployed import Deployed
from pplns_deploy.deploying.terraform import StatePlace
from pplns_deploy.terraform import VARIABLES_FILE, configuration_folder, variables_text

_LEFT_OUT = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars*", "tests", "examples", "README.md")
GITIGNORE = ".terraform/\n*.tfplan\n*.tfstate\n*.tfstate.*\n"


def eject(deployed: Deployed, place: StatePlace, *, environment: str, folder: Path) -> tuple[Path, ...]:
    """Write the configuration of an environment into a new folder, and return its files; all of them or none.

    Raises: ConfigError where the folder has anything in it, StateError after a deployment that was cut off."""
    require_empty(folder)
    texts = {
        VARIABLES_FILE: variables_text(deployed.variables()),
        "backend.tf": _backend(place),
        "README.md": _README.format(environment=environment, bucket=place.bucket, variables=VARIABLES_FILE),
        ".gitignore": GITIGNORE,
    }
    try:
        _write_whole(folder, texts)
    except OSError as error:
        raise ConfigError(
            f"{str(folder)!r} can't be written: {error.strerror or error}.",
            "The configuration goes into a new folder.",
            "Name another one.",
        ) from error
    return tuple(sorted(one for one in folder.rglob("*") if one.is_file()))


def require_empty(folder: Path) -> None:
    """Refuse a folder that has anything in it.

    Raises: ConfigError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{str(folder)!r} is there, and not empty.",
            "The configuration goes into a folder of its own: nothing is written over.",
            "Name another one: pplns eject DIR.",
        )


def _write_whole(folder: Path, texts: dict[str, str]) -> None:
    """Make the folder beside its place and move it there, so that no half of it is ever seen."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made = scratch / "made"
        shutil.copytree(configuration_folder(), made, ignore=_LEFT_OUT)
        for name, text in texts.items():
            (made / name).write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rmdir()
        made.replace(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _backend(place: StatePlace) -> str:
    return (
        "# Where the state is, locked by the backend while somebody changes it.\n"
        f'terraform {{\n  backend "gcs" {{\n    bucket = {json.dumps(place.bucket)}\n'
        f"    prefix = {json.dumps(place.prefix)}\n  }}\n}}\n"
    )


_README = """\
# {environment}, by Terraform alone

Written by `pplns eject`. These files are yours: pplns neither reads nor changes them.

```bash
terraform init
terraform plan
```

The first plan is empty. The state is where it was, in `gs://{bucket}`, so nothing is made anew and nothing is lost.

| file | what |
|---|---|
| `{variables}` | what this environment is: edit it, or generate it |
| `backend.tf` | where the state is |
| `main.tf`, `modules/` | the configuration; `variables.tf` explains each variable |

- **A new version of a pipeline**: build and push an image (`pplns package --push` goes on working, and so does any
  other way), write its digest into `image`, set `revision` to null and `traffic` to [], and apply. Cloud Run then
  moves the traffic as soon as the new revision has come up.
- **Going back**: `"traffic": [{{"revision": "NAME", "percent": 100, "tag": null}}]`.
- **Triggers, resources, secrets, roles** of a pipeline are in its entry; `schedules` has cron lines and the bodies
  that are sent.
- **Commit** everything here with the `.terraform.lock.hcl` that `terraform init` writes.
- **Not both**: `pplns deploy` would apply its own configuration to the same state, and undo what you change here.
  Take its rights away, or leave this folder unused.
"""
