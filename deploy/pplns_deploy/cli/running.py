"""A run in this process: begun or gone on with, shown while it goes on, and what may come next when it has ended."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from pplns.errors import ParameterError, StopSignal
from pplns.model.frozen import Frozen
from pplns_deploy.cli.errors import RUN_FAILED, Stopped, write_error
from pplns_deploy.cli.logs import showing_logs
from pplns_deploy.cli.opening import load_project, open_project_store
from pplns_deploy.cli.progress import LineProgress, open_progress
from pplns_deploy.cli.records import ending_lines, reference_of
from pplns_deploy.cli.words import next_command, parse_params

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.model.run import RunRecord
    from pplns.settings import Settings
    from pplns.typed import StrPath
    from pplns_deploy.cli.console import Console

LABELS = {"resume": "Go on with", "run-info": "Look closer"}


class RunWords(Frozen):
    """What the words of `pplns run` ask for, as they were typed; each field is an option's."""

    name: str
    params: tuple[str, ...] = ()
    run_id: str | None = None
    redo: str | None = None
    only: str | None = None
    store: str | None = None
    project: StrPath | None = None
    verbose: bool = False
    as_json: bool = False


class Offers(Frozen):
    """The commands that may come next, with the options given now; none where the run isn't kept."""

    project: StrPath | None
    store: str | None
    is_kept: bool

    @classmethod
    def after(cls, settings: Settings, project: StrPath | None, store: str | None) -> Offers:
        """Return what may come after a command with these options."""
        return cls(project, store, is_kept=not settings.store.startswith("memory:"))

    def lines(self, reference: str, *commands: str) -> list[str]:
        """Return a line for each command, as it can be typed."""
        if not self.is_kept:
            return []
        typed = [next_command(one, reference, project=self.project, store=self.store) for one in commands]
        return [f"{LABELS[command]}: {line}" for command, line in zip(commands, typed, strict=True)]


def run_here(console: Console, words: RunWords) -> int:
    """Run a pipeline in this process with progress, report the end, and return the exit code.

    Raises: PplnsError where it can't begin; Stopped after Ctrl-C."""
    sent = parse_params(words.params)
    check_redo(words)
    settings = load_project(words.project, store=words.store)
    from pplns.engine.runner import Selection, run_pipeline
    from pplns.loader import load_pipeline

    pipeline = load_pipeline(settings, words.name)
    opened, selection = open_project_store(settings), Selection(redo=words.redo, only=words.only)

    def start(progress: LineProgress) -> RunRecord:
        return run_pipeline(
            pipeline,
            store=opened,
            settings=settings,
            params=sent,
            run_id=words.run_id,
            selection=selection,
            observer=progress,
        )

    with showing_logs(settings.root_dir, verbose=words.verbose):
        return go_on(console, start, Offers.after(settings, words.project, words.store))


def check_redo(words: RunWords) -> None:
    """Refuse to run a step again of a run that is only to begin.

    Raises: ParameterError."""
    if words.redo is not None and words.run_id is None:
        raise ParameterError(
            f"--from {words.redo} without --run-id.",
            "--from runs a step of a run that exists again; a new run runs all of them.",
            "Give its id with --run-id, or use `pplns resume RUN_ID --from STEP`.",
        )


def go_on(console: Console, start: Callable[[LineProgress], RunRecord], offers: Offers) -> int:
    """Run with progress, report the end, and return the exit code: 1 unless the run succeeded.

    Raises: Stopped after Ctrl-C."""
    _collect_garbage_from_now_on()
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
    return 0 if record.state == "succeeded" else RUN_FAILED


def _collect_garbage_from_now_on() -> None:
    """Let the collector begin, if it was kept from looking through modules while they were imported; they stay."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _write_ending(console: Console, record: RunRecord, offers: Offers, *, took_s: float | None) -> None:
    if record.error is not None:
        write_error(console, record.error.message, record.error.hint, trace=record.error.traceback)
    is_whole = record.state == "succeeded" and record.final
    commands = ["run-info"] if is_whole else ["resume", "run-info"]
    lines = ending_lines(record, took_s=took_s)
    for line in [*lines, *offers.lines(reference_of(record.pipeline, record.run_id), *commands)]:
        console.say(line)
