"""`pplns artifact`: look at what a step of a run returned, or save it.

No pipeline is imported, but a module whose classes the value is made of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns.errors import ParameterError
from pplns_deploy.cli.completion import complete_committed_steps, complete_run_ids
from pplns_deploy.cli.console import PIPED_WIDTH, Console
from pplns_deploy.cli.opening import load_project, open_project_store
from pplns_deploy.cli.options import examples, json_option, project_option, store_option, unwritable
from pplns_deploy.cli.records import time_text

if TYPE_CHECKING:
    from pplns.model.artifact import Commit, StoredValue
    from pplns.stores import Store
    from pplns_deploy.cli.stored import Preview


@click.command(
    epilog=examples("pplns artifact january clean --head 5", "pplns artifact january clean --output clean.csv")
)
@click.argument("run_id", metavar="RUN_ID", shell_complete=complete_run_ids)
@click.argument("step", shell_complete=complete_committed_steps)
@click.option(
    "--head", type=click.IntRange(min=0), metavar="N", default=10, show_default=True, help="So many rows of a table."
)
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
    from pplns.loader import put_first_on_path
    from pplns.state.history import find_run, read_commit
    from pplns_deploy.cli.stored import preview_json, preview_of

    put_first_on_path(settings)
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


def _chosen(count: int, number: int | None, step: str) -> Sequence[int]:
    if number is None:
        return range(count)
    if number >= count:
        from pplns_deploy.cli.output import count_text

        raise ParameterError(
            f"--number is {number}.",
            f"Step {step!r} returned {count_text(count, 'value')}, counted from 0.",
            "Choose a smaller number, or leave it out.",
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
