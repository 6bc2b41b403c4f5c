"""`pplns run` and `pplns resume`: run a pipeline here, with its progress, and say how to go on."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pplns.errors import ParameterError, StopSignal
from pplns.model.frozen import Frozen
from pplns_deploy.cli.completion import complete_pipelines, complete_run_ids
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import RUN_FAILED, Stopped, write_error
from pplns_deploy.cli.logs import showing_logs
from pplns_deploy.cli.options import (
    bundled,
    examples,
    json_option,
    load_project,
    next_command,
    open_project_store,
    params_option,
    parse_params,
    project_option,
    selection_options,
    store_option,
    verbose_option,
)
from pplns_deploy.cli.progress import LineProgress, open_progress
from pplns_deploy.cli.records import cancel_text, ending_lines, reference_of
from pplns_deploy.cli.trigger import Service, client_of, run_on_service, service_options, url_of_service

if TYPE_CHECKING:
    from pplns.model.run import RunRecord
    from pplns.settings import Settings

LABELS = {"resume": "Go on with", "run-info": "Look closer"}


class _Chosen(Frozen):
    """Which run is meant, and which of its steps."""

    run_id: str | None
    redo: str | None
    only: str | None


class _Offers(Frozen):
    """The commands that may come next, with the options given now; none where the run isn't kept."""

    project: Path | None
    store: str | None
    is_kept: bool

    @classmethod
    def after(cls, settings: "Settings", project: Path | None, store: str | None) -> "_Offers":
        """Return what may come after a command with these options."""
        return cls(project, store, is_kept=not settings.store.startswith("memory:"))

    def lines(self, reference: str, *commands: str) -> list[str]:
        """Return a line for each command, as it can be typed."""
        if not self.is_kept:
            return []
        typed = [next_command(one, reference, project=self.project, store=self.store) for one in commands]
        return [f"{LABELS[command]}: {line}" for command, line in zip(commands, typed, strict=True)]


@click.command(
    epilog=examples(
        "pplns run nyc_flights",
        "pplns run nyc_flights -p month=2013-01 -p out_dir=out",
        "pplns run nyc_flights --run-id january",
        "pplns run nyc_flights --run-id january --from export",
    )
)
@click.argument("name", shell_complete=complete_pipelines)
@params_option
@click.option(
    "--run-id",
    metavar="ID",
    shell_complete=complete_run_ids,
    help="The id of the run. One that exists is gone on with, or shown if it ended.",
)
@selection_options
@service_options
@verbose_option
@store_option
@json_option
@project_option
@click.pass_context
@bundled(_Chosen, "chosen", "run_id", "redo", "only")
def run(
    context: click.Context,
    *,
    name: str,
    params: Sequence[str],
    chosen: _Chosen,
    service: Service,
    verbose: bool,
    store: str | None,
    project: Path | None,
) -> None:
    """Run a pipeline, or go on with a run of it; with --url on a service.

    Shows each step with its state, time, rows and bytes. Exits 0 when the run succeeded, 1 when it failed,
    2 for wrong names or values, 3 for a project or store that can't be used, 130 after Ctrl-C. What steps log goes
    to stderr.
    """
    sent = parse_params(params)
    _check_redo(chosen)
    if service.url is not None:
        _check_is_of_service(chosen, store)
        run_on_service(context, name, sent, client=client_of(url_of_service(service.url, project), service.token))
        return
    settings = load_project(project, store=store)
    from pplns.engine.runner import Selection, run_pipeline
    from pplns.loader import load_pipeline

    pipeline = load_pipeline(settings, name)
    opened, selection = open_project_store(settings), Selection(redo=chosen.redo, only=chosen.only)

    def start(progress: LineProgress) -> "RunRecord":
        return run_pipeline(
            pipeline,
            store=opened,
            settings=settings,
            params=sent,
            run_id=chosen.run_id,
            selection=selection,
            observer=progress,
        )

    with showing_logs(settings.root, verbose=verbose):
        _go_on(context, start, _Offers.after(settings, project, store))


@click.command(
    epilog=examples(
        "pplns resume january", "pplns resume nyc_flights/january", "pplns resume nyc_flights/january --from export"
    )
)
@click.argument("run_id", metavar="RUN_ID", shell_complete=complete_run_ids)
@selection_options
@verbose_option
@store_option
@json_option
@project_option
@click.pass_context
def resume(
    context: click.Context,
    *,
    run_id: str,
    redo: str | None,
    only: str | None,
    verbose: bool,
    store: str | None,
    project: Path | None,
) -> None:
    """Go on with a run where it stopped.

    Steps that are committed aren't run again, unless their code changed since. RUN_ID is an id as `pplns runs`
    shows it, or PIPELINE/RUN_ID.
    """
    settings = load_project(project, store=store)
    from pplns.engine.runner import Selection, resume_run
    from pplns.loader import load_pipeline
    from pplns.state.history import find_run

    opened, selection = open_project_store(settings), Selection(redo=redo, only=only)
    name, found_id = find_run(opened, run_id)
    pipeline = load_pipeline(settings, name)

    def start(progress: LineProgress) -> "RunRecord":
        return resume_run(pipeline, found_id, store=opened, settings=settings, selection=selection, observer=progress)

    with showing_logs(settings.root, verbose=verbose):
        _go_on(context, start, _Offers.after(settings, project, store))


@click.command(epilog=examples("pplns cancel january", "pplns cancel nyc_flights/january"))
@click.argument("run_id", metavar="RUN_ID", shell_complete=complete_run_ids)
@store_option
@json_option
@project_option
@click.pass_obj
def cancel(console: Console, *, run_id: str, store: str | None, project: Path | None) -> None:
    """Cancel a run.

    A process that works on it is asked to stop, and does so within seconds; a run that has ended stays as it is.
    """
    settings = load_project(project, store=store)
    from pplns.state.cancel import cancel_run
    from pplns.state.history import find_run

    opened = open_project_store(settings)
    pipeline, found_id = find_run(opened, run_id)
    record = cancel_run(opened, pipeline, found_id, lease_seconds=settings.lease_seconds)
    if console.as_json:
        console.document(record.as_json())
        return
    console.say(cancel_text(record))
    for line in _Offers.after(settings, project, store).lines(reference_of(pipeline, found_id), "run-info"):
        console.say(line)


def _check_redo(chosen: _Chosen) -> None:
    if chosen.redo is not None and chosen.run_id is None:
        raise ParameterError(
            f"--from {chosen.redo} without --run-id.",
            "--from runs a step of a run that exists again; a new run runs all of them.",
            "Give its id with --run-id, or use `pplns resume RUN_ID --from STEP`.",
        )


def _check_is_of_service(chosen: _Chosen, store: str | None) -> None:
    """Refuse the options that a service doesn't take from a caller."""
    given = {"--run-id": chosen.run_id, "--from": chosen.redo, "--only": chosen.only, "--store": store}
    for flag, value in given.items():
        if value is not None:
            raise ParameterError(
                f"{flag} {value} with --url.",
                "A service names its runs, has a store of its own, and runs every step of a new run.",
                f"Leave {flag} out.",
            )


def _go_on(context: click.Context, start: Callable[[LineProgress], "RunRecord"], offers: _Offers) -> None:
    """Run with progress, report the end, and exit 1 unless the run succeeded."""
    console: Console = context.obj
    progress = open_progress(console)
    began = time.monotonic()
    try:
        record = start(progress)
    except (StopSignal, KeyboardInterrupt):
        if progress.reference is None:
            raise
        raise Stopped(" ".join(offers.lines(progress.reference, "resume"))) from None
    finally:
        progress.close()
    if console.as_json:
        console.document(record.as_json())
    else:
        took_s = None if progress.reference is None else time.monotonic() - began
        _write_ending(console, record, offers, took_s=took_s)
    if record.state != "succeeded":
        context.exit(RUN_FAILED)


def _write_ending(console: Console, record: "RunRecord", offers: _Offers, *, took_s: float | None) -> None:
    if record.error is not None:
        write_error(console, record.error.message, record.error.hint, trace=record.error.traceback)
    is_whole = record.state == "succeeded" and record.final
    commands = ["run-info"] if is_whole else ["resume", "run-info"]
    lines = ending_lines(record, took_s=took_s)
    for line in [*lines, *offers.lines(reference_of(record.pipeline, record.run_id), *commands)]:
        console.say(line)
