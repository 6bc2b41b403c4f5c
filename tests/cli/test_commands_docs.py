"""docs/commands.md has each command, each option, each exit code, and documents of the shape that commands write."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from pplns_deploy.cli.commands import COMMANDS, cli
from pplns_deploy.cli.errors import EXIT_CODES, INTERRUPTED

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
SECTIONS = {
    title.removeprefix("pplns "): text
    for title, text in re.findall(r"^## (pplns [^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
}
EXAMPLES = [
    line
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.S)
    for line in block.splitlines()
    if line[:5] == "pplns"
]
TABLE = """
import pandas as pd
from pplns import pipeline, step

@step
def load() -> pd.DataFrame:
    return pd.DataFrame({"id": [0, 1]})

@pipeline
def table():
    return load()
"""


def command_of(name):
    """Return a command by its name."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def shape(value):
    """Return the keys of a document at every depth; of a list those of its first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value[:1]] if isinstance(value, list) else None


def fits(documented, written):
    """Tell whether two shapes have the same keys wherever both have any; the keys of params differ by pipeline."""
    if isinstance(documented, dict) and isinstance(written, dict):
        same = documented.keys() == written.keys()
        return same and all(
            fits(documented[key], written[key]) for key in documented if key not in ("params", "columns")
        )
    if documented and written and isinstance(documented, list) and isinstance(written, list):
        return fits(documented[0], written[0])
    return True


def test_every_command_has_a_section():
    """And no section is of a command that isn't there."""
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_its_line(name):
    """In the table, or among those that the section also takes; none is there too many."""
    text = SECTIONS[name]
    rows = [
        cell for line in text.splitlines() if line.startswith("| `-") for cell in line.split("|")[1].split("`")[1::2]
    ]
    also = re.findall(r"`(--\w+)`", re.sub(r"\([^)]*\)", "", text.partition("Also takes")[2].partition("\n\n")[0]))

    documented = {option.split()[0] for option in [*rows, *also]}

    options = [one for one in command_of(name).params if isinstance(one, click.Option)]
    assert documented == {text for option in options for text in option.opts}


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_can_be_typed(line):
    """Its command, options and values are understood."""
    name, *arguments = shlex.split(line.partition(" > ")[0])[1:]

    assert command_of(name).make_context(name, arguments).params


def test_every_exit_code_has_its_line():
    """The codes of the table are those that errors end with."""
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.M)}

    assert documented == {0, INTERRUPTED, *EXIT_CODES.values()}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list", []), ("show", ["shop"]), ("check", ["--store", "memory:"]), ("run", ["shop", "--run-id", "new"]),
        ("runs", ["--limit", "1"]), ("artifact", ["table/t", "load"]),
    ],
)  # fmt: skip
def test_every_document_has_the_shape_that_is_shown(shop, pplns, name, arguments):
    """The JSON of the page and that of the command have the same keys."""
    (shop / "pipelines" / "table.py").write_text(TABLE)
    pplns("run", "shop", "--run-id", "first")
    pplns("run", "table", "--run-id", "t")
    shown = json.loads(re.search(rf"```json {name}\n(.*?)```", PAGE, re.S)[1])

    written = pplns(name, *arguments, "--json").document

    assert fits(shape(shown), shape(written)), (shape(shown), shape(written))
