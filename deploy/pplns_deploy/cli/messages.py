"""What the commands that make messages share: their data and their attributes."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from pplns.errors import ParameterError
from pplns.model.names import nearest
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import write_error
from pplns_deploy.cli.options import Command
from pplns_deploy.cli.words import parse_params

if TYPE_CHECKING:
    from pplns.steps import Pipeline


def attributes_option(command: Command) -> Command:
    """Add `--attribute NAME=VALUE`, which may be repeated."""
    return click.option(
        "--attribute", "attributes", multiple=True, metavar="NAME=VALUE",
        help="An attribute of the message. May be repeated.",
    )(command)  # fmt: skip


def parse_attributes(given: Sequence[str]) -> dict[str, str]:
    """Return the attributes of `--attribute NAME=VALUE` options.

    Raises: ParameterError for one without '=' or name, and for a name given twice."""
    attributes: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or name in attributes:
            raise ParameterError(
                f"--attribute {text!r} {'is the second of its name' if name in attributes else 'gives none a value'}.",
                "An attribute is written NAME=VALUE, each once.",
                "Write it like --attribute kind=daily.",
            )
        attributes[name] = value
    return attributes


def data_of(params: Sequence[str], data: str | None) -> str | None:
    """Return the data of a message: as given, else the parameters as JSON, else None.

    Raises: ParameterError where both are given."""
    if data is not None and params:
        raise ParameterError(
            "Both -p and --data are given.", "The data of a message holds the parameters.", "Leave one of them out."
        )
    return json.dumps({"params": parse_params(params)}) if params else data


def warn_of_unknown(console: Console, pipeline: "Pipeline[..., Any]", params: Sequence[str]) -> None:
    """Warn of parameters that the pipeline doesn't have: a request that is refused may be what is wanted."""
    from pplns.steps.parameters import parameters_of

    known = [one.name for one in parameters_of(pipeline)]
    for name in parse_params(params):
        if name not in known:
            close = nearest(name, known)
            met = f"The pipeline {pipeline.name!r} has no parameter {name!r}, and will refuse it."
            expected = f"It takes {', '.join(map(repr, known)) or 'none'}."
            write_error(console, f"{met} {expected}", f"Did you mean {close!r}?" if close else "", kind="Warning")
