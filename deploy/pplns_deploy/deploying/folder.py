"""The folder in which Terraform works: a copy of the configuration for one command, in the cache of pplns.

Nothing in it is needed by the next command, so two commands never disturb each other. It is deleted afterwards, but
not where Terraform left a state that it couldn't save: `errored.tfstate`."""

import json
import shutil
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pplns_deploy.terraform import configuration_folder

ERRORED_STATE = "errored.tfstate"
KEPT_SECONDS = 7 * 86400
_LEFT_OUT = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars*", "tests", "examples", "*.md")


@contextmanager
def work_folder(cache: Path) -> Generator[Path]:
    """Give a folder with a copy of the configuration."""
    place = cache / "deploying"
    place.mkdir(parents=True, exist_ok=True)
    _prune(place)
    scratch = Path(tempfile.mkdtemp(prefix="terraform-", dir=place))
    root = scratch / "root"
    shutil.copytree(configuration_folder(), root, ignore=_LEFT_OUT)
    try:
        yield root
    finally:
        if not (root / ERRORED_STATE).exists():
            shutil.rmtree(scratch, ignore_errors=True)


def _prune(place: Path) -> None:
    """Delete what commands left that were killed long ago; Terraform may go on for a while in a younger one."""
    for scratch in place.glob("terraform-*"):
        with suppress(OSError):
            is_old = time.time() - scratch.stat().st_mtime > KEPT_SECONDS
            if is_old and not (scratch / "root" / ERRORED_STATE).exists():
                shutil.rmtree(scratch, ignore_errors=True)


def terraform_environment(environ: Mapping[str, str], root: Path, *, cache: Path) -> dict[str, str]:
    """Return the environment of Terraform's processes in a work folder.

    The user's ~/.terraformrc stays out, lest overrides for a developer of providers change a deployment; a file that
    TF_CLI_CONFIG_FILE names is used, since a company's mirror is named there."""
    unwanted = {name for name in environ if name.startswith(("TF_VAR_", "TF_CLI_ARGS")) or name in _STEERING}
    kept = {name: value for name, value in environ.items() if name not in unwanted}
    named = environ.get("TF_CLI_CONFIG_FILE")
    file = Path(named) if named and Path(named).is_file() else _own_file(root, cache)
    return {
        **kept, "TF_CLI_CONFIG_FILE": str(file), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1",
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
    }  # fmt: skip


_STEERING = frozenset({"TF_WORKSPACE", "TF_DATA_DIR", "TF_LOG", "TF_LOG_CORE", "TF_LOG_PATH"})


def _own_file(root: Path, cache: Path) -> Path:
    plugins = cache / "terraform-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    file = root.parent / "terraform.rc"
    file.write_text(
        f"disable_checkpoint = true\nplugin_cache_dir   = {json.dumps(plugins.as_posix())}\n", encoding="utf-8"
    )
    return file
