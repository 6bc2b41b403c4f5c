"""Errors at the border: exit codes, three parts, one document; help; the list of commands."""

import subprocess
import sys

import click
import pytest

from pplns import errors
from pplns_deploy.cli.commands import COMMANDS, cli
from pplns_deploy.cli.errors import exit_code_of
from pplns_deploy.cli.usage import describe_usage


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.PplnsError, 1), (errors.TerminalError, 1), (errors.StorageRefused, 1), (errors.RetryableError, 1),
        (errors.StateError, 1), (errors.DamagedRecord, 1), (errors.LeaseHeld, 1), (errors.CheckpointConflict, 1),
        (errors.ParameterError, 2), (errors.NotFoundError, 2), (errors.KeyReused, 2),
        (errors.ConfigError, 3), (errors.LoadError, 3), (errors.DefinitionError, 3), (errors.StoreError, 3),
    ],
)  # fmt: skip
def test_each_error_has_its_exit_code(kind, code):
    """1 the run failed, 2 wrong usage, 3 configuration or environment."""
    assert exit_code_of(kind("met")) == code


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), errors.Interrupted(), click.Abort()])
def test_an_interruption_is_130(stop):
    """Ctrl-C ends with 130, wherever it came."""
    assert describe_usage(stop).exit_code == 130


def test_a_mistyped_command_gets_the_nearest_one(pplns):
    """Exit 2, and the nearest name."""
    answer = pplns("rnu")

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "Error: There is no command 'rnu'. Did you mean 'run'?\n  → See `pplns --help`.\n"


@pytest.mark.parametrize(("command", "listing"), [("run", "pplns list"), ("resume", "pplns runs")])
def test_a_missing_name_gets_what_lists_the_names(pplns, command, listing):
    """That is what who forgot it needs next."""
    answer = pplns(command)

    assert answer.code == 2
    assert f"→ `{listing}` shows what there is; see `pplns {command} --help`." in answer.err


def test_an_option_without_its_value_points_at_the_help_of_its_command(pplns):
    """The hint names the command that was typed, not the whole of pplns."""
    answer = pplns("run", "shop", "-p")

    assert answer.code == 2
    assert answer.err.endswith("  → See `pplns run --help`.\n")


def test_a_command_like_none_gets_them_all(pplns):
    """Where no name is near the commands are listed."""
    assert "Commands: init, list, show" in pplns("zzzzzz").err


def test_a_mistyped_option_gets_the_nearest_one(pplns):
    """Exit 2, and the nearest option."""
    answer = pplns("run", "shop", "--stor", "memory:")

    assert answer.code == 2
    assert "--stor" in answer.err
    assert "--store" in answer.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["rnu"], "usage"), (["run"], "usage"), (["run", "--nope"], "usage"), (["list"], "bad_configuration")],
)
def test_with_json_every_error_is_one_document(pplns, tmp_path, monkeypatch, arguments, code):
    """The shape is the service's: code, message, hint."""
    monkeypatch.chdir(tmp_path)

    answer = pplns(*arguments, "--json")

    assert answer.document["error"].keys() == {"code", "message", "hint"}
    assert answer.document["error"]["code"] == code
    assert answer.err == ""


def test_a_fault_of_ours_is_one_line(shop, pplns, monkeypatch):
    """No traceback, but the way to it; with --debug the traceback."""
    monkeypatch.setattr("pplns.loader.discover", lambda settings: 1 / 0)

    answer = pplns("list")

    assert answer.code == 1
    assert answer.err.startswith("Error: pplns itself failed: ZeroDivisionError: division by zero\n  → ")
    with pytest.raises(ZeroDivisionError):
        cli.main(["--debug", "list"])


def test_without_a_command_the_help_is_shown(pplns):
    """`pplns` alone is `pplns --help`."""
    answer = pplns()

    assert answer.code == 0
    assert answer.out == pplns("--help").out
    assert "Usage: pplns" in answer.out


def test_the_version(pplns):
    """--version says the name and the version."""
    import pplns as package

    assert pplns("--version").out == f"pplns {package.__version__}\n"


def test_the_version_is_not_looked_up_among_the_installed():
    """That reads the metadata of distributions, and takes as long as all else together."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "from pplns_deploy.cli.commands import cli\n"
        "try: cli.main(['--version'])\n"
        "except SystemExit: print('importlib.metadata' in set(sys.modules) - before)"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)

    assert ended.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(pplns, name):
    """--help has the line of the list, an example and, where there is a project, --project."""
    text = pplns(name, "--help").out

    assert COMMANDS[name].short_help in text
    assert f"  pplns {name}" in text.partition("Examples:")[2]
    assert ("--project" in text) == (name not in ("init", "completion"))


def test_the_list_of_commands_says_what_their_help_says():
    """The table in `cli/commands.py` repeats the first line of each docstring."""
    context = click.Context(cli)

    for name, place in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0] == place.short_help


LIGHT = """
from pplns import pipeline, step

@step
def one(n: int) -> int:
    return n + 1

@pipeline
def light():
    return one(one(1))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        "--help", "list", "show light", "show light --format svg", "check", "run light", "run light --json", "runs",
        "init new", "completion zsh",
    ],
)  # fmt: skip
def test_no_command_imports_what_it_does_not_need(shop, arguments):
    """Where values are plain and nobody watches, no table library, cloud client or rich is imported."""
    (shop / "pipelines" / "shop.py").write_text(LIGHT)
    code = (
        "import sys; from pplns_deploy.cli import call\n"
        "try: call(sys.argv[1:])\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'flask', 'rich', 'google.auth', 'functions_framework'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments.split()], cwd=shop, capture_output=True, encoding="utf-8", check=False
    )

    assert ended.stderr.splitlines()[-1] == "[]"
