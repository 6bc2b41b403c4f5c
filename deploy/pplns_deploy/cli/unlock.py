"""`pplns unlock`: who holds the lock of an environment's state, and its removal where that process is dead."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pplns.errors import ConfigError
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.deployments import confirm, find_target, state_place
from pplns_deploy.cli.options import env_option, examples, json_option, project_option

if TYPE_CHECKING:
    from pplns_deploy.deploying.locks import StateLock


@click.command(epilog=examples("pplns unlock --env prod", "pplns unlock 1795394532861205 --env prod"))
@click.argument("lock_id", metavar="[LOCK]", required=False)
@env_option
@click.option("--yes", is_flag=True, help="Don't ask whether its holder is dead.")
@json_option
@project_option
@click.pass_obj
def unlock(
    console: Console, /, *, lock_id: str | None, env: str | None, yes: bool, project: Path | None
) -> None:  # fmt: skip
    """Show who holds the lock of Terraform's state, or remove it.

    A command that was killed with all its children, or whose machine went down, leaves its lock. Nobody but a person
    can know that. With LOCK, as it is shown, exactly that lock is removed; never do it while its holder works.
    """
    from pplns_deploy.deploying.google import Google
    from pplns_deploy.deploying.locks import break_lock, find_lock

    target = find_target(project, env)
    name, place, google = target.environment.name, state_place(target.environment), Google(os.environ)
    lock = find_lock(google, place)
    if lock is None:
        console.say(f"Nobody holds the lock of {name}.")
    else:
        _write(console, lock, name)
    if lock_id is not None:
        _require(lock, lock_id, name)
        confirm(console, "Is that process dead, and may the lock go?", yes=yes)
        break_lock(google, place, lock_id)
        console.say(f"The lock is gone. Finish what was begun: pplns deploy --env {name}")
    if console.as_json:
        shown = None if lock is None else lock.as_json()
        console.document({"environment": name, "lock": shown, "is_removed": lock_id is not None})


def age_text(age: timedelta) -> str:
    """Return for how long a lock has been held, in words."""
    minutes = round(age.total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min" if minutes else f"{round(age.total_seconds())} s"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _write(console: Console, lock: "StateLock", name: str) -> None:
    since = age_text(lock.age(datetime.now(UTC)))
    console.say(f"{lock.who} has held the lock of {name} for {since} (terraform {lock.operation}).")
    console.say(f"If that process is dead: pplns unlock {lock.id} --env {name}")


def _require(lock: "StateLock | None", lock_id: str, name: str) -> None:
    """Refuse a lock that isn't the one that is held.

    Raises: ConfigError."""
    if lock is None or lock.id != lock_id:
        held = "Nobody holds it" if lock is None else f"It is {lock.id}, of {lock.who}"
        raise ConfigError(
            f"The lock of {name} isn't {lock_id!r}. {held}.",
            "What is removed is the lock that you saw, not one that somebody took meanwhile.",
            f"See who holds it: pplns unlock --env {name}",
        )
