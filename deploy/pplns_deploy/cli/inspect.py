"""`pplns runs` and `run-info`: look at the runs that a store holds, without importing any pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns.errors import NotFoundError
from pplns.model.names import listed
from pplns.model.run import RUN_STATES
from pplns_deploy.cli.completion import complete_pipelines_with_runs, complete_run_ids
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import describe, write_error
from pplns_deploy.cli.nearest import NearChoice, did_you_mean
from pplns_deploy.cli.opening import load_project, open_project_store
from pplns_deploy.cli.options import examples, json_option, project_option, store_option
from pplns_deploy.cli.records import reference_of
from pplns_deploy.cli.words import next_command

if TYPE_CHECKING:
    from pplns.errors import DamagedRecord
    from pplns.model.run import RunRecord
    from pplns.settings import Settings
    from pplns.stores import Store

DEFAULT_LIMIT = 20


@click.command(
    epilog=examples(
        "pplns runs",
        "pplns runs nyc_flights --state failed --limit 5",
        "pplns runs --before nyc_flights/january",
    )
)
@click.argument("name", required=False, shell_complete=complete_pipelines_with_runs)
@click.option(
    "--state", type=NearChoice(RUN_STATES), metavar="STATE", help=f"Only runs that are {', '.join(RUN_STATES)}."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    default=DEFAULT_LIMIT,
    show_default=True,
    help="At most so many.",
)
@click.option(
    "--before", metavar="RUN_ID", shell_complete=complete_run_ids,
    help="Only runs that stand below this one: the next page of a long list.",
)  # fmt: skip
@store_option
@json_option
@project_option
@click.pass_obj
def runs(
    console: Console,
    *,
    name: str | None,
    state: str | None,
    limit: int,
    before: str | None,
    store: str | None,
    project: Path | None,
) -> None:
    """List runs, newest first.

    A run whose records are damaged is named on stderr and left out.
    """
    settings = load_project(project, store=store)
    from pplns.state.history import find_run

    opened = open_project_store(settings)
    page = _read_page(opened, name, state, limit=limit, before=None if before is None else find_run(opened, before))
    if name is not None and before is None and not page.runs and not page.damaged:
        _check_known(settings, name)
    if console.as_json:
        console.document(page.as_json())
        return
    _write_page(console, page, which=_which_runs(name, state, before, settings.store))
    if page.following is not None:
        words = ["runs", *_words(name), *_words(state, "--state"), *_words(page.following, "--before")]
        words += _words(None if limit == DEFAULT_LIMIT else str(limit), "--limit")
        console.say(f"Older ones: {next_command(*words, project=project, store=store)}")


@click.command("run-info", epilog=examples("pplns run-info january", "pplns run-info nyc_flights/january --json"))
@click.argument("run_id", metavar="RUN_ID", shell_complete=complete_run_ids)
@store_option
@json_option
@project_option
@click.pass_obj
def run_info(console: Console, *, run_id: str, store: str | None, project: Path | None) -> None:
    """Show all that is recorded about a run.

    RUN_ID is an id as `pplns runs` shows it, or PIPELINE/RUN_ID.
    """
    settings = load_project(project, store=store)
    from pplns.state.history import find_run, read_run
    from pplns_deploy.cli.records import record_lines

    opened = open_project_store(settings)
    pipeline, found_id = find_run(opened, run_id)
    record = read_run(opened, pipeline, found_id)
    if console.as_json:
        console.document(record.as_json())
        return
    console.say("\n".join(record_lines(record, width=console.width)))
    if record.state in ("queued", "continuing", "failed", "lost", "cancelled"):
        console.say(f"\nGo on with: {next_command('resume', run_id, project=project, store=store)}")


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a list: its runs, the damaged ones it met, and the run that the next page stands before."""

    runs: Sequence["RunRecord"]
    damaged: Sequence["DamagedRecord"]
    following: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the page as `pplns runs --json` writes it."""
        problems = [describe(error).as_json()["error"] for error in self.damaged]
        return {"runs": [record.as_json() for record in self.runs], "problems": problems, "before": self.following}


def _read_page(
    store: "Store", name: str | None, state: str | None, *, limit: int, before: tuple[str, str] | None
) -> _Page:
    from pplns.state.history import list_runs

    damaged: list[DamagedRecord] = []
    found = list_runs(store, pipeline=name, state=state, limit=limit, before=before, on_damage=damaged.append)
    last = found[-1] if len(found) == limit else None
    return _Page(found, damaged, None if last is None else reference_of(last.pipeline, last.run_id))


def _write_page(console: Console, page: _Page, *, which: str) -> None:
    from pplns_deploy.cli.records import run_table

    if page.runs:
        console.say("\n".join(run_table(page.runs, width=console.width, now=datetime.now(UTC))))
    else:
        console.say(f"No {which}.")
    for error in page.damaged:
        write_error(console, error.message, error.hint, kind="Warning")


def _words(value: str | None, *option: str) -> list[str]:
    """Return an option with its value as it is typed, nothing where it wasn't given."""
    return [] if value is None else [*option, value]


def _which_runs(name: str | None, state: str | None, before: str | None, store: str) -> str:
    """Return what a list without runs was asked for."""
    words = [state, "runs", name and f"of {name}", before and f"before {before}", f"in {store}"]
    return " ".join(word for word in words if word)


def _check_known(settings: "Settings", name: str) -> None:
    """Refuse a name without runs that no pipeline of the project has."""
    from pplns.loader import discover

    known = discover(settings).pipelines
    if name not in known:
        raise NotFoundError(
            f"There is no pipeline {name!r}, and {settings.store} has no run of one.",
            f"Pipelines: {listed(known)}." if known else "",
            did_you_mean(name, known) or "See them with `pplns list`.",
        )
