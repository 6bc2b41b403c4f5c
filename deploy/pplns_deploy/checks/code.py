"""Checks of what the code and the configuration say about the machine they were written on: keys, paths, sizes."""

import ast
import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from pplns.errors import ConfigError
from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Finding
from pplns_deploy.checks.placing import missing_grants
from pplns_deploy.environments import names
from pplns_deploy.manifest import PipelineEntry
from pplns_deploy.manifest.sources import read_tree

CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
MAX_VARIABLE_BYTES = 32 * 1024  # of one environment variable, Cloud Run quotas
MAX_BODY_BYTES = 1024 * 1024  # of a Scheduler job
LARGE_FILE_BYTES = 100 * 1000 * 1000

INSTEAD_OF_PATHS = "Use a bucket (gs://…), or a path beside the code, Path(__file__).parent / …"

_KEY_READERS = {
    "from_service_account_file", "from_service_account_json", "load_credentials_from_file", "from_json_keyfile_name",
}  # fmt: skip
_KEY_FILE = re.compile(
    r"(?:^|[/\\])[^/\\]*(?:service[-_]?account|credential|[-_]?key|[-_]sa)[^/\\]*\.(?:json|p12|pem)$", re.I
)
_OPENERS = {"open", "Path", "read_text", "read_bytes"}
_LOCAL = re.compile(r"/(?:home|Users|root|mnt|media|Volumes|opt|srv|data)/|~|[A-Za-z]:[\\/]|\\\\\w")


def check_credentials(deployment: Deployment) -> Iterator[Finding]:
    """Check that no code opens a key file, and that nothing points to one: the container runs as its own account."""
    seen: set[str] = set()
    for entry in deployment.manifest.pipelines:
        for file in [one for one in entry.sources if one not in seen]:
            seen.add(file)
            for line, what in _keys_in(read_tree(deployment.root / file)):
                remedy = _instead_of_keys(deployment, entry)
                yield deployment.at_code("error", f"{what}.", remedy, entry, file=file, line=line)
        if CREDENTIALS in deployment.config_of(entry).env:
            yield deployment.error(
                f"env of {entry.name!r} sets {CREDENTIALS}, and there is no such file in the container.",
                _instead_of_keys(deployment, entry),
                entry,
            )


def check_local_paths(deployment: Deployment) -> Iterator[Finding]:
    """Check that no default, trigger or variable names a path of the machine where it was written."""
    for entry in deployment.manifest.pipelines:
        for what, value in _values_in_code(entry):
            for message in _local_paths(deployment, what, value):
                yield deployment.at_code("warning", message, INSTEAD_OF_PATHS, entry)
        for what, value in _values_in_table(deployment, entry):
            for message in _local_paths(deployment, what, value):
                yield deployment.warning(message, INSTEAD_OF_PATHS, entry)


def check_sizes(deployment: Deployment) -> Iterator[Finding]:
    """Check that no variable and no trigger's parameters are larger than Google takes."""
    for entry in deployment.manifest.pipelines:
        for name, value in deployment.config_of(entry).env.items():
            if len(value.encode()) > MAX_VARIABLE_BYTES:
                yield deployment.error(
                    f"The variable {name!r} of {entry.name!r} has more than 32 KiB, which Cloud Run refuses.",
                    "Put it into a file beside the code, or a bucket.",
                    entry,
                )
        if len(json.dumps(deployment.params_of(entry)).encode()) > MAX_VARIABLE_BYTES:
            yield deployment.error(
                f"The environment's parameters of {entry.name!r} take more than 32 KiB: they go in one variable, which"
                " Cloud Run refuses.",
                "Send the name of an object in a bucket instead.",
                entry,
            )
        for trigger in entry.declared.triggers:
            size = len(json.dumps(dict(trigger.params)).encode())
            if trigger.kind == "schedule" and size > MAX_BODY_BYTES:
                yield deployment.at_code(
                    "error",
                    f"The parameters of Schedule({trigger.cron!r}) take {size:,} bytes; a Scheduler job takes 1 MB.",
                    "Send the name of an object in a bucket instead.",
                    entry,
                )


def check_image_files(deployment: Deployment) -> Iterator[Finding]:
    """Check what of the project's folder would be in the image: no large file, no key, no link that leads out."""
    if find_spec("pathspec") is None:
        message = "What would be in the image isn't checked: it needs pathspec, which isn't installed."
        yield deployment.warning(message, "Install it: pip install 'pplns[deploy]'.")
        return
    from pplns_deploy.image.contents.ignoring import GIT_IGNORE_FILE, IGNORE_FILE
    from pplns_deploy.image.contents.project import project_files

    try:
        files = project_files(deployment.root)
    except ConfigError as error:
        yield Finding("error", error.message, error.hint, file=deployment.root)
        return
    for path in files.keys:
        message, remedy = f"{path} holds a key or credentials, so it stays out of the image.", "Use Secret() instead."
        yield Finding("warning", message, remedy, file=deployment.root / path)
    for path, size_bytes in files.sizes():
        if size_bytes > LARGE_FILE_BYTES:
            message = f"{path} has {size_bytes / 1e6:,.0f} MB and would be in the image."
            replaces = (deployment.root / IGNORE_FILE).is_file()  # a file of ours stands in the place of git's
            own = IGNORE_FILE if replaces else GIT_IGNORE_FILE
            remedy = f"Put it into a bucket, or its name into {own}."
            yield Finding("warning", message, remedy, file=deployment.root / path)


def _keys_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _keys_in_call(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript) and _text_of(target.slice) == CREDENTIALS:
                    yield node.lineno, f"The code sets {CREDENTIALS}"


def _keys_in_call(node: ast.Call) -> Iterator[tuple[int, str]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    first = _text_of(node.args[0]) if node.args else None
    if name in _KEY_READERS:
        yield node.lineno, f"The code opens a key file by {name}()"
    elif name in ("setdefault", "putenv") and first == CREDENTIALS:
        yield node.lineno, f"The code sets {CREDENTIALS}"
    elif name in _OPENERS and first is not None and _KEY_FILE.search(first):
        yield node.lineno, f"The code opens {first!r}, which looks like a key file"


def _text_of(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _instead_of_keys(deployment: Deployment, entry: PipelineEntry) -> str:
    """Say as whom the container runs, and what that account will need."""
    config, place = deployment.config_of(entry), deployment.environment
    own = f"{names.account_id(entry.name, place.name)}@{place.project}.iam.gserviceaccount.com"
    needs = [line for _, line in missing_grants(deployment, entry)]
    grants = f" It will need {', '.join(needs)}." if needs and not config.service_account else ""
    return (
        f"Remove it: clients find their credentials themselves, here those of {config.service_account or own}.{grants}"
        " For what isn't Google's use Secret()."
    )


def _local_paths(deployment: Deployment, what: str, value: Any) -> Iterator[str]:
    """Yield what is wrong with each path of this machine in a value."""
    for path in _texts_in(value):
        if _LOCAL.match(path) and not Path(path).is_relative_to(deployment.root):
            yield f"{what} is {path!r}, a path of one machine that the container hasn't."


def _values_in_code(entry: PipelineEntry) -> Iterator[tuple[str, Any]]:
    for parameter in entry.declared.parameters:
        yield f"The default of {parameter.name!r}", parameter.default
    for trigger in entry.declared.triggers:
        for name, value in trigger.params.items():
            yield f"The parameter {name!r} of the trigger {trigger.cron or trigger.topic!r}", value


def _values_in_table(deployment: Deployment, entry: PipelineEntry) -> Iterator[tuple[str, Any]]:
    for name, value in deployment.params_of(entry).items():
        yield f"The parameter {name!r} of the environment {deployment.environment.name!r}", value
    for name, value in deployment.config_of(entry).env.items():
        if name != CREDENTIALS:
            yield f"The variable {name!r} of the environment {deployment.environment.name!r}", value


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in cast("dict[str, Any]", value).values():
            yield from _texts_in(one)
    elif isinstance(value, list | tuple):
        for one in cast("list[Any]", value):
            yield from _texts_in(one)
