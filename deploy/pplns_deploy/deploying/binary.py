"""Where Terraform is: the one that PPLNS_TERRAFORM names, else the one on PATH."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pplns.errors import ConfigError

VARIABLE = "PPLNS_TERRAFORM"
OLDEST = (1, 11)  # write-only arguments, and `for_each` of imports
VERSION_SECONDS = 60


def find_terraform(environ: Mapping[str, str]) -> Path:
    """Return the Terraform to use.

    Raises: ConfigError where there is none, or it is too old."""
    named = environ.get(VARIABLE)
    found = shutil.which(named or "terraform", path=environ.get("PATH"))
    if found is None:
        raise ConfigError(
            f"{VARIABLE} names {named!r}, which can't be run." if named else "There is no `terraform` on PATH.",
            f"pplns deploys by Terraform {_text(OLDEST)} or newer.",
            f"Install it from https://developer.hashicorp.com/terraform/install, or name it in {VARIABLE}.",
        )
    version = _version_of(found)
    if version < OLDEST:
        raise ConfigError(
            f"{found} is Terraform {_text(version)}.",
            f"pplns deploys by {_text(OLDEST)} or newer.",
            f"Install a newer one, or name it in {VARIABLE}.",
        )
    return Path(found)


def _version_of(program: str) -> tuple[int, ...]:
    try:
        asked = subprocess.run(
            [program, "version", "-json"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            encoding="utf-8", timeout=VERSION_SECONDS, check=True,
        )  # fmt: skip
        said = str(json.loads(asked.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{program} doesn't say which Terraform it is: {type(error).__name__}.",
            "`terraform version -json` does.",
            f"Install Terraform again, or name another in {VARIABLE}.",
        ) from None
    return tuple(int(part) for part in re.findall(r"\d+", said)[:3])


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
