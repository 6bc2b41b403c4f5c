"""What is heard while a run goes on: what its steps log is shown on stderr, as `step_logs` has it, and what they log,
print and warn is kept with the run, for `pplns logs`.

A run of which nothing logs imports no `logging`, and doesn't pay for it."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from pplns.logs.arrival import once_imported
from pplns.logs.capture import Capture, capturing


@contextmanager
def showing_logs(root: str, *, verbose: bool) -> Generator[None]:
    """Keep what the steps of a project say, and show what they log from INFO on, with `verbose` from DEBUG.

    Entered once the pipeline is loaded, so that what its files do to logging is known."""
    loaded = list(sys.modules)
    with capturing(Capture(None)), ExitStack() as ending:

        def show() -> None:
            from pplns_deploy.cli.step_logs import shown

            ending.enter_context(shown(root, loaded, verbose=verbose))

        ending.callback(once_imported("logging", show))
        yield
