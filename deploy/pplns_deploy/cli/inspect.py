"""`pplns runs`, `run-info` and `artifact`: look at what the store holds, without importing any pipeline."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns.errors import NotFoundError, ParameterError
from pplns.model.run import RUN_STATES
from pplns_deploy.cli.completion import complete_committed_steps, complete_pipelines_with_runs, complete_run_ids
from pplns_deploy.cli.console import PIPED_WIDTH, Console
from pplns_deploy.cli.errors import describe, write_error
from pplns_deploy.cli.nearest import NearChoice, did_you_mean
from pplns_deploy.cli.options import (
    examples,
    json_option,
    load_project,
    next_command,
    open_project_store,
    project_option,
    store_option,
    unwritable,
)
from pplns_deploy.cli.records import reference_of, time_text

if TYPE_CHECKING:
    from pplns.errors import DamagedRecord
    from pplns.model.artifact import Commit, StoredValue
    from pplns.model.run import RunRecord
    from pplns.settings import Settings
    from pplns.stores import Store
    from pplns_deploy.cli.stored import Preview

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
@click.option("--limit", type=click.IntRange(min=1), default=DEFAULT_LIMIT, show_default=True, help="At most so many.")
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
    from pplns.state.history import find_run, list_runs

    opened, damaged = open_project_store(settings), list["DamagedRecord"]()
    found = list_runs(
        opened,
        pipeline=name,
        state=state,
        limit=limit,
        before=None if before is None else find_run(opened, before),
        on_damage=damaged.append,
    )
    if not found and not damaged and name is not None:
        _check_known(settings, name)
    following = reference_of(found[-1].pipeline, found[-1].run_id) if len(found) == limit else None
    if console.as_json:
        console.document(_runs_json(found, damaged, following))
        return
    _write_runs(console, found, which=_which_runs(name, state, before, settings.store))
    for error in damaged:
        write_error(console, error.message, error.hint, kind="Warning")
    if following is not None:
        options = {"--state": state, "--limit": None if limit == DEFAULT_LIMIT else str(limit), "--before": following}
        words = [word for option, value in options.items() if value is not None for word in (option, value)]
        words = ["runs", *([] if name is None else [name]), *words]
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
    if record.state in ("failed", "lost", "cancelled"):
        console.say(f"\nGo on with: {next_command('resume', run_id, project=project, store=store)}")


@click.command(
    epilog=examples("pplns artifact january clean --head 5", "pplns artifact january clean --output clean.csv")
)
@click.argument("run_id", metavar="RUN_ID", shell_complete=complete_run_ids)
@click.argument("step", shell_complete=complete_committed_steps)
@click.option("--head", type=click.IntRange(min=0), default=10, show_default=True, help="So many rows of a table.")
@click.option("--number", type=click.IntRange(min=0), metavar="N", help="Only value N of a step with several, from 0.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Save the value: a table as .csv, .parquet or .arrow, bytes, text and files as they are, all else as JSON.",
)  # fmt: skip
@store_option
@json_option
@project_option
@click.pass_obj
def artifact(
    console: Console,
    *,
    run_id: str,
    step: str,
    head: int,
    number: int | None,
    output: Path | None,
    store: str | None,
    project: Path | None,
) -> None:
    """Show or save what a step of a run returned.

    A table is shown by its columns, with their types, missing values and ranges, and by its first rows. A large one
    is read batch by batch.
    """
    settings = load_project(project, store=store)
    from pplns.state.history import find_run
    from pplns.state.values import read_commit
    from pplns_deploy.cli.stored import preview_json, preview_of

    opened = open_project_store(settings)
    commit = read_commit(opened, *find_run(opened, run_id), step)
    places = _chosen(len(commit.values), number, step)
    if output is not None:
        _save(opened, [commit.values[place] for place in places], output, step)
    if output is not None and not console.as_json:
        console.say(f"Saved {output}.")
        return
    previews = {place: preview_of(opened, commit.values[place], count=head) for place in places}
    if console.as_json:
        shown = [{**_stored_json(one.stored), **preview_json(one, count=head)} for one in previews.values()]
        console.document({**_commit_json(commit), "values": shown})
    else:
        _write_previews(console, commit, previews, head)


def _which_runs(name: str | None, state: str | None, before: str | None, store: str) -> str:
    """Return what a list without runs was asked for."""
    words = [state, "runs", name and f"of {name}", before and f"before {before}", f"in {store}"]
    return " ".join(word for word in words if word)


def _write_runs(console: Console, found: Sequence["RunRecord"], *, which: str) -> None:
    from pplns_deploy.cli.records import run_table

    if found:
        console.say("\n".join(run_table(found, width=console.width, now=datetime.now(UTC))))
    else:
        console.say(f"No {which}.")


def _runs_json(
    found: Sequence["RunRecord"], damaged: Sequence["DamagedRecord"], following: str | None
) -> dict[str, Any]:
    problems = [describe(error).as_json()["error"] for error in damaged]
    return {"runs": [record.as_json() for record in found], "problems": problems, "before": following}


def _check_known(settings: "Settings", name: str) -> None:
    """Refuse a name without runs that no pipeline of the project has."""
    from pplns.loader import discover

    known = discover(settings).pipelines
    if name not in known:
        raise NotFoundError(
            f"There is no pipeline {name!r}, and {settings.store} has no run of one.",
            f"Pipelines: {', '.join(known)}." if known else "",
            did_you_mean(name, known) or "See them with `pplns list`.",
        )


def _chosen(count: int, number: int | None, step: str) -> Sequence[int]:
    if number is None:
        return range(count)
    if number >= count:
        raise ParameterError(
            f"--number {number} of step {step!r}.", f"It returned {count}, counted from 0.", "Choose a smaller number."
        )
    return [number]


def _save(store: "Store", values: Sequence["StoredValue"], output: Path, step: str) -> None:
    from pplns_deploy.cli.saving import save_value

    if len(values) != 1:
        raise ParameterError(
            f"Step {step!r} returned {len(values)} values.",
            "--output saves one of them.",
            "Choose it with --number, from 0.",
        )
    try:
        save_value(store, values[0], output)
    except OSError as error:
        raise unwritable(output, error) from error


def _commit_json(commit: "Commit") -> dict[str, Any]:
    return {
        "step": commit.step, "version": commit.version, "attempt": commit.attempt, "tries": commit.tries,
        "started_at": commit.started_at, "finished_at": commit.finished_at, "duration_s": commit.duration_s,
    }  # fmt: skip


def _stored_json(stored: "StoredValue") -> dict[str, Any]:
    return {
        "codec": stored.codec, "digest": stored.digest, "bytes": stored.size_bytes, "rows": stored.rows,
        "columns": dict(stored.columns or {}) or None, "artifact": stored.artifact,
    }  # fmt: skip


def _write_previews(console: Console, commit: "Commit", previews: Mapping[int, "Preview"], head: int) -> None:
    from pplns_deploy.cli.output import bytes_text, rows_text
    from pplns_deploy.cli.stored import preview_lines

    for place, preview in previews.items():
        stored = preview.stored
        which = f" [{place}]" if commit.several else ""
        size = ", ".join(part for part in (rows_text(stored.rows), bytes_text(stored.size_bytes)) if part)
        committed = time_text(datetime.fromisoformat(commit.finished_at))
        console.say(f"{commit.step}{which}: {stored.codec}, {size}, committed {committed}")
        for line in preview_lines(preview, count=head, width=console.width or PIPED_WIDTH):
            console.say(line)
