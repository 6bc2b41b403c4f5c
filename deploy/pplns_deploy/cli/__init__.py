"""The `pplns` command line.

click reads it, but for a plain `pplns run`: importing click takes longer than a small run."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> None:
    """Run the `pplns` command with the arguments of this process, and exit."""
    gc.disable()  # imports make many objects and leave no garbage: looking for it takes a tenth of a short run
    try:
        call(sys.argv[1:])
    except KeyboardInterrupt:  # while modules were imported; a command says itself what is left of it
        sys.stderr.write("Error: Interrupted.\n")
        sys.exit(130)
    finally:
        gc.freeze()  # else the interpreter looks through all modules for garbage once more when it ends


def call(words: Sequence[str]) -> NoReturn:
    """Run one command and exit; every error leaves here as text, or as one document with `--json`."""
    from pplns_deploy.cli.plain import read_run

    plain = read_run(words)
    if plain is not None:
        from pplns_deploy.cli.errors import guarded
        from pplns_deploy.cli.running import run_here

        sys.exit(guarded(lambda console: run_here(console, plain), as_json=plain.as_json))
    gc.enable()
    from pplns_deploy.cli.commands import cli

    # a pattern such as `-p files=*.csv` is the pipeline's to expand
    cli.main(list(words), prog_name="pplns", windows_expand_args=False)
