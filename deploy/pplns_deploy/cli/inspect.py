"""`pplns runs`, `run-info` and `artifact`: look at what the store holds, without importing any pipeline."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns.errors import ConfigError, NotFoundError, ParameterError
from pplns.model.run import RUN_STATES
from pplns_deploy.cli.console import PIPED_WIDTH, Console
from pplns_deploy.cli.nearest import NearChoice, did_you_mean
from pplns_deploy.cli.options import (
    examples,
    json_option,
    load_project,
    next_command,
    open_project_store,
    project_option,
    store_option,
)

if TYPE_CHECKING:
    from pplns.model.artifact import Commit
    from pplns.settings import Settings


@click.command(epilog=examples("pplns runs", "pplns runs nyc_flights --state failed --limit 5"))
@click.argument("name", required=False)
@click.option(
    "--state", type=NearChoice(RUN_STATES), metavar="STATE", help=f"Only runs that are {', '.join(RUN_STATES)}."
)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many.")
@store_option
@json_option
@project_option
@click.pass_obj
def runs(
    console: Console, *, name: str | None, state: str | None, limit: int, store: str | None, project: Path | None
) -> None:
    """List runs, newest first."""
    settings = load_project(project, store=store)
    from pplns.state.history import list_runs
    from pplns_deploy.cli.records import run_table

    found = list_runs(open_project_store(settings), pipeline=name, state=state, limit=limit)
    if not found and name is not None:
        _check_known(settings, name)
    if console.as_json:
        console.document({"runs": [record.as_json() for record in found]})
    elif found:
        console.say("\n".join(run_table(found, width=console.width, now=datetime.now(UTC))))
        if len(found) == limit:
            console.say(f"The newest {limit}; see more with --limit.")
    else:
        which = " ".join(part for part in (state, "runs", f"of {name}" if name else "") if part)
        console.say(f"No {which} in {settings.store}.")


@click.command("run-info", epilog=examples("pplns run-info january", "pplns run-info nyc_flights/january --json"))
@click.argument("run_id", metavar="RUN_ID")
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
@click.argument("run_id", metavar="RUN_ID")
@click.argument("step")
@click.option("--head", type=click.IntRange(min=0), default=10, show_default=True, help="So many rows of a table.")
@click.option("--number", type=click.IntRange(min=0), metavar="N", help="Only value N of a step with several, from 0.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Save the value: a table as .csv or .parquet, bytes and text as they are, all else as JSON.",
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
    """Show or save what a step of a run returned."""
    settings = load_project(project, store=store)
    from pplns.state.history import find_run
    from pplns.state.values import read_values

    opened = open_project_store(settings)
    pipeline, found_id = find_run(opened, run_id)
    commit, values = read_values(opened, pipeline, found_id, step)
    places = _chosen(len(values), number, step)
    if output is not None:
        _save(values, places, output, step)
    if console.as_json:
        console.document(_artifact_json(commit, values, places, head))
    elif output is not None:
        console.say(f"Saved {output}.")
    else:
        _write_values(console, commit, values, places, head)


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


def _save(values: Sequence[Any], places: Sequence[int], output: Path, step: str) -> None:
    from pplns_deploy.cli.saving import save_value

    if len(places) != 1:
        raise ParameterError(
            f"Step {step!r} returned {len(places)} values.",
            "--output saves one of them.",
            "Choose it with --number, from 0.",
        )
    try:
        save_value(values[places[0]], output)
    except OSError as error:
        raise ConfigError(
            f"{str(output)!r} can't be written: {error.strerror or error}.",
            "--output names a file in a folder that exists and can be written.",
            "Correct the path.",
        ) from error


def _artifact_json(commit: "Commit", values: Sequence[Any], places: Sequence[int], head: int) -> dict[str, Any]:
    from pplns_deploy.cli.previews import value_json

    shown = [
        {
            "codec": commit.values[place].codec,
            "digest": commit.values[place].digest,
            "bytes": commit.values[place].size_bytes,
            "rows": commit.values[place].rows,
            "columns": dict(commit.values[place].columns or {}) or None,
            "artifact": commit.values[place].artifact,
            "head": value_json(values[place], count=head),
        }
        for place in places
    ]
    return {
        "step": commit.step, "version": commit.version, "attempt": commit.attempt, "tries": commit.tries,
        "started_at": commit.started_at, "finished_at": commit.finished_at, "duration_s": commit.duration_s,
        "values": shown,
    }  # fmt: skip


def _write_values(console: Console, commit: "Commit", values: Sequence[Any], places: Sequence[int], head: int) -> None:
    from pplns_deploy.cli.output import bytes_text, rows_text
    from pplns_deploy.cli.previews import value_lines

    for place in places:
        stored = commit.values[place]
        which = f" [{place}]" if commit.several else ""
        size = ", ".join(part for part in (rows_text(stored.rows), bytes_text(stored.size_bytes)) if part)
        console.say(f"{commit.step}{which}: {stored.codec}, {size}, committed {commit.finished_at}")
        for line in value_lines(values[place], count=head, width=console.width or PIPED_WIDTH):
            console.say(line)
