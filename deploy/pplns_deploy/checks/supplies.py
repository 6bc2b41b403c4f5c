"""Checks of what the container has to bring: secrets, and the packages that the code imports."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib import metadata

from pplns.errors import ConfigError, DefinitionError
from pplns.model.names import nearest
from pplns.secrets import DOTENV, Secret
from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Finding
from pplns_deploy.manifest import LibraryUse, PipelineEntry, SecretUse

LATEST = "latest"


def check_secrets(deployment: Deployment) -> Iterator[Finding]:
    """Check that each secret that the code names has a source in this environment."""
    for entry in deployment.manifest.pipelines:
        for use in entry.secrets:
            yield from _without_source(deployment, entry, use)
        for variable, version in deployment.config_of(entry).secrets.items():
            if version.version == LATEST:
                yield deployment.warning(
                    f"{variable} of {entry.name!r} takes the latest version of {version.name!r}: it changes whenever an"
                    " instance starts, and a rollback doesn't bring the old one back.",
                    f'Name a version: {variable} = "{version.name}@1".',
                    entry,
                )


def check_shared_variables(deployment: Deployment) -> Iterator[Finding]:
    """Check that no two secrets are read from one variable: their names differ in more than case, '-' and '_'.

    In two pipelines that is only a laptop's trouble, where both read the same `.env`."""
    first: dict[str, tuple[str, str]] = {}
    told: set[tuple[str, str]] = set()
    for entry in deployment.manifest.pipelines:
        for use in entry.secrets:
            if use.name is None or (variable := variable_of(use.name)) is None:
                continue
            name, owner = first.setdefault(variable, (use.name, entry.name))
            if name != use.name and (name, use.name) not in told:
                told.add((name, use.name))
                where = "" if owner == entry.name else f", in {owner!r},"
                yield deployment.at_code(
                    "error" if owner == entry.name else "warning",
                    f"The secrets {name!r}{where} and {use.name!r} are both read from {variable}.",
                    "Write the same name where they are the same secret, else rename one of them.",
                    entry, file=use.file, line=use.line,
                )  # fmt: skip


def check_dotenv(deployment: Deployment) -> Iterator[Finding]:
    """Check that git ignores the file in which secrets stand on a laptop."""
    file, git = deployment.root / DOTENV, shutil.which("git")
    if git is None or not file.exists():
        return
    asked = subprocess.run([git, "check-ignore", "-q", DOTENV], cwd=deployment.root, capture_output=True, check=False)
    if asked.returncode == 1:
        yield Finding(
            "error", f"{DOTENV} holds secrets, and git doesn't ignore it.", f"Add {DOTENV} to .gitignore.", file=file
        )


def check_lock(deployment: Deployment) -> Iterator[Finding]:
    """Check that the dependencies are locked, for what the project asks for now."""
    from pplns_deploy.locking import find_stale

    try:
        stale = find_stale(deployment.root)
    except ConfigError as error:
        yield Finding("error", error.message, error.hint, file=deployment.environment.file)
        return
    for one in stale:
        yield Finding(
            "error",
            f"{one.file.relative_to(deployment.root)} {one.reason}.",
            "Run `pplns lock`, and commit what it writes.",
            file=one.file,
        )


def check_lock_groups(deployment: Deployment) -> Iterator[Finding]:
    """Check that the pipelines which are given dependency groups are there."""
    from pplns_deploy.locking.inputs import groups_by_pipeline

    if deployment.manifest.broken:
        return
    try:
        given = groups_by_pipeline(deployment.root)
    except ConfigError:  # the lock's own check says so
        return
    known = [entry.name for entry in deployment.manifest.pipelines]
    for name in given:
        if name not in known:
            near = nearest(name, known)
            yield Finding(
                "error",
                f"`groups` of [tool.pplns.lock] has {name!r}, which is no pipeline.",
                f"Did you mean {near!r}?" if near else "Remove it, or rename it as the pipeline is.",
                file=deployment.environment.file,
            )


def check_image_settings(deployment: Deployment) -> Iterator[Finding]:
    """Check that the settings of the image can be read, and the names in them."""
    from pplns_deploy.image.references import parse_reference
    from pplns_deploy.image.settings import read_image_settings

    try:
        wanted = read_image_settings(deployment.root, {})
        parse_reference(wanted.base.replace("{python}", "3"))
        if wanted.repository is not None:
            parse_reference(wanted.repository)
    except ConfigError as error:
        yield Finding("error", error.message, error.hint, file=deployment.environment.file)


def check_imports(deployment: Deployment) -> Iterator[Finding]:
    """Check that what the code imports is locked, and not only installed on this machine."""
    from pplns_deploy.locking import lock_file_of, read_lock
    from pplns_deploy.locking.inputs import groups_of

    for entry in deployment.manifest.pipelines:
        try:
            lock = read_lock(lock_file_of(deployment.root, groups_of(deployment.root, entry.name)))
        except ConfigError:  # the lock's own check says so
            return
        locked = {pin.name for pin in lock.pins} if lock else None
        if locked is not None:
            yield from _unlocked(deployment, entry, locked)


def variable_of(secret: str) -> str | None:
    """Return the environment variable of a secret, or None for a name that is refused."""
    try:
        return Secret(secret).variable
    except DefinitionError:
        return None


def distributions_of(module: str) -> set[str]:
    """Return the installed distributions that a module comes from, by their normalised names."""
    top = module.partition(".")[0]
    found = _by_top().get(top, set())
    if len(found) <= 1:
        return found
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        own = {one for one in found if "/".join(parts[:length]) in _places_in(one)}
        if own:
            return own
    return found


def _unlocked(deployment: Deployment, entry: PipelineEntry, locked: set[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for use in entry.libraries:
        brings = distributions_of(use.module)
        top = use.module.partition(".")[0]
        wanted = brings or {_normal(top)}
        name = min(wanted)
        if wanted.isdisjoint(locked) and name not in seen:
            seen.add(name)
            yield _missing(deployment, entry, use, name, is_installed=bool(brings))


def _missing(
    deployment: Deployment, entry: PipelineEntry, use: LibraryUse, name: str, *, is_installed: bool
) -> Finding:
    if is_installed:
        message = (
            f"{use.module!r} is imported and comes from {name!r}, which isn't locked: the container won't have it."
        )
        return deployment.at_code(
            "error", message, f"Add {name!r} to the project's dependencies and run `pplns lock`.", entry,
            file=use.file, line=use.line,
        )  # fmt: skip
    message = f"{use.module!r} is imported, isn't installed here, and no locked package has its name."
    remedy = "Add the package that brings it to the project's dependencies, and run `pplns lock`."
    return deployment.at_code("warning", message, remedy, entry, file=use.file, line=use.line)


def _without_source(deployment: Deployment, entry: PipelineEntry, use: SecretUse) -> Iterator[Finding]:
    config, place = deployment.config_of(entry), deployment.environment.name
    if use.name is None:
        message = "A Secret has a computed name, so nobody can tell whether it has a source."
        remedy = 'Write the name: Secret("warehouse-password").'
        yield deployment.at_code("warning", message, remedy, entry, file=use.file, line=use.line)
        return
    try:
        variable = Secret(use.name).variable
    except DefinitionError as error:
        yield deployment.at_code("error", error.message, error.hint, entry, file=use.file, line=use.line)
        return
    if variable in config.env:
        yield deployment.warning(
            f"The secret {use.name!r} stands in plain text in env.{variable} of {entry.name!r}.",
            f'Put it into Secret Manager, and write {variable} = "{use.name}@1" under secrets.',
            entry,
        )
    elif variable not in config.secrets:
        message = f"The secret {use.name!r} has no source in the environment {place!r}."
        table = f"[tool.pplns.env.{place}.pipelines.{entry.name}.secrets]"
        remedy = f'Write {variable} = "{use.name}@1" in {table}, with its version in Secret Manager.'
        yield deployment.at_code("error", message, remedy, entry, file=use.file, line=use.line)


@cache
def _by_top() -> dict[str, set[str]]:
    return {top: {_normal(one) for one in found} for top, found in metadata.packages_distributions().items()}


@cache
def _places_in(distribution: str) -> frozenset[str]:
    """Return the folders and modules of a distribution, with slashes."""
    files = metadata.distribution(distribution).files or []
    return frozenset(
        place for file in files for place in (file.parent.as_posix(), file.with_suffix("").as_posix()) if place != "."
    )


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
