"""What click raises about the words of a command line, as the command line shows it."""

import click

from pplns_deploy.cli.errors import INTERRUPTED, WRONG_USAGE, Report, describe

LISTINGS = {"name": "pplns list", "run_id": "pplns runs"}  # by the argument that is missing


def describe_usage(error: BaseException) -> Report:
    """Return what the command line says about an error that may be one of click's, and the exit code it ends with."""
    if isinstance(error, click.UsageError):
        return Report("usage", error.format_message(), _hint(error), WRONG_USAGE)
    if isinstance(error, click.ClickException):
        return Report("usage", error.format_message(), "", error.exit_code)
    if isinstance(error, click.Abort):
        return Report("interrupted", "Interrupted.", "", INTERRUPTED)
    return describe(error)


def _hint(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "pplns"
    missing = error.param.name if isinstance(error, click.MissingParameter) and error.param else None
    listing = LISTINGS.get(missing or "")
    return f"`{listing}` shows what there is; see `{path} --help`." if listing else f"See `{path} --help`."
