"""`pplns lock`: which packages go into the image, exactly."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import RUN_FAILED, write_error
from pplns_deploy.cli.opening import load_project
from pplns_deploy.cli.options import examples, json_option, project_option

if TYPE_CHECKING:
    from pplns_deploy.locking import Locked, Staleness

NEEDED = ("packaging",)  # of the extra `deploy`


@click.command(epilog=examples("pplns lock", "pplns lock --upgrade", "pplns lock --check"))
@click.option("--upgrade", is_flag=True, help="Take the newest versions that fit, not those that are locked.")
@click.option("--check", is_flag=True, help="Write nothing, ask no index; exit 1 where a lock is missing or stale.")
@json_option
@project_option
@click.pass_context
def lock(context: click.Context, *, upgrade: bool, check: bool, project: Path | None) -> None:
    """Lock the dependencies for the container.

    Writes requirements.lock: the versions and hashes of every package that the image gets, for linux/amd64 and
    linux/arm64, on whatever system this runs. Versions that are locked stay where they still fit. Only wheels are
    taken. Where packages come from is set for uv, and isn't written into the lock.
    """
    if upgrade and check:
        raise click.UsageError("--check writes nothing, so --upgrade goes without it.", context)
    _need_packaging()
    root = load_project(project).root
    if check:
        _check(context, root)
    else:
        _lock(context.obj, root, upgrade=upgrade)


def _check(context: click.Context, root: Path) -> None:
    from pplns_deploy.locking import find_stale

    console: Console = context.obj
    stale = find_stale(root)
    if console.as_json:
        console.document({"stale": [{"file": str(one.file), "reason": one.reason} for one in stale]})
    else:
        _write_stale(console, stale, root)
    if stale:
        context.exit(RUN_FAILED)


def _lock(console: Console, root: Path, *, upgrade: bool) -> None:
    from pplns_deploy.locking import lock_project

    made = lock_project(root, upgrade=upgrade)
    if console.as_json:
        console.document({"locks": [_lock_json(one) for one in made]})
        return
    for one in made:
        for line in _lock_lines(one):
            console.say(line)


def _write_stale(console: Console, stale: "Sequence[Staleness]", root: Path) -> None:
    for one in stale:
        write_error(console, f"{one.file.relative_to(root)} {one.reason}.", "Run `pplns lock`.")
    if not stale:
        console.say("The lock fits what the project asks for.")


def _lock_lines(made: "Locked") -> list[str]:
    from pplns_deploy.cli.output import count_text

    lock = made.lock
    changes = [f"  {_change_text(name, old, new)}" for name, old, new in made.changes] if made.before else []
    what = count_text(len({pin.name for pin in lock.pins}), "package")
    how = "new" if made.before is None else "changed" if changes else "unchanged"
    return [f"{made.file.name}: {what} for {', '.join(lock.platforms)}, Python {lock.python} ({how})", *changes]


def _change_text(name: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"+ {name} {new}"
    return f"- {name} {old}" if new is None else f"{name} {old} → {new}"


def _lock_json(made: "Locked") -> dict[str, Any]:
    lock = made.lock
    return {
        "file": str(made.file),
        "python": lock.python,
        "platforms": list(lock.platforms),
        "groups": list(lock.groups),
        "packages": len({pin.name for pin in lock.pins}),
        "changes": [{"package": name, "before": old, "after": new} for name, old, new in made.changes],
    }


def _need_packaging() -> None:
    from importlib.util import find_spec

    from pplns.errors import ConfigError

    if any(find_spec(name) is None for name in NEEDED):
        raise ConfigError(
            "`pplns lock` needs packages that aren't installed here.",
            "They come with the extra `deploy`.",
            "Install them: pip install 'pplns[deploy]'.",
        )
