"""`pplns run` and `pplns resume`."""

import re
import subprocess
import sys

import pytest

from commands import read_until

STEP_LINE = re.compile(r"  ✓ split +\d+ m?s +\d+ B")


def test_a_run_shows_each_step_and_how_to_look_closer(shop, pplns):
    """A run's lines name each step with time and bytes, then the result and the next command."""
    answer = pplns("run", "shop", "--run-id", "first")

    assert answer.code == 0
    assert answer.err == ""
    lines = answer.out.splitlines()
    assert lines[0] == "Run first of shop: 3 steps"
    assert any(STEP_LINE.match(line) for line in lines)
    assert lines[-2:] == ['Result: "XXX"', "Look closer: pplns run-info shop/first"]


def test_parameters_are_given_by_name(shop, pplns):
    """-p sends a parameter, converted as the pipeline's annotations say."""
    answer = pplns("run", "shop", "-p", "n=5", "-p", "day=2026-01-31", "--json")

    assert answer.document["params"] == {"n": 5, "broken": False, "day": "2026-01-31"}
    assert answer.document["result"] == "XXXXX"


def test_json_is_one_document_and_all_else_goes_to_stderr(shop, pplns):
    """With --json stdout holds the record alone; progress and what steps print go to stderr."""
    answer = pplns("run", "shop", "--run-id", "first", "--json")

    assert answer.document["state"] == "succeeded"
    assert [step["step"] for step in answer.document["steps"]] == ["split", "check", "publish"]
    assert "printed by a step" in answer.err
    assert "Run first of shop: 3 steps" in answer.err


def test_a_failed_run_names_the_error_its_place_and_how_to_go_on(shop, pplns):
    """A failed step shows what it raised, where in the user's file, and the command that resumes."""
    answer = pplns("run", "shop", "-p", "broken=true", "--run-id", "bad")

    assert answer.code == 1
    assert "✗ check" in answer.out
    assert "failed after 2 tries" in answer.out
    assert "Not run: publish." in answer.out
    assert "Go on with: pplns resume shop/bad" in answer.out
    assert answer.err.startswith("Error: Step 'check' raised KeyError: 'amount'")
    assert "shop.py" in answer.err
    assert "\n  → " in answer.err


def test_a_failed_run_is_a_record_in_json(shop, pplns):
    """With --json a failed run is its record, not an error document, and exits 1."""
    answer = pplns("run", "shop", "-p", "broken=true", "--json")

    assert answer.code == 1
    assert answer.document["state"] == "failed"
    assert "KeyError" in answer.document["error"]["message"]


def test_a_run_id_that_has_ended_is_shown_and_nothing_runs(shop, pplns):
    """The same run id again is the same run."""
    pplns("run", "shop", "--run-id", "first")

    again = pplns("run", "shop", "--run-id", "first")

    assert again.code == 0
    assert "printed by a step" not in again.out
    assert "The run succeeded before" in again.out


def test_a_run_id_that_was_not_chosen_names_its_run_too(shop, pplns):
    """An id as `pplns runs` shows it is accepted wherever a run id is."""
    run_id = pplns("run", "shop", "--json").document["run_id"]

    again = pplns("run", "shop", "--run-id", run_id, "--from", "split")

    assert again.code == 0
    assert "printed by a step" in again.out
    assert f"Run {run_id} of shop, attempt 2" in again.out


def test_a_run_id_with_other_parameters_is_refused(shop, pplns):
    """A run id stands for one run with its parameters."""
    pplns("run", "shop", "--run-id", "first")

    again = pplns("run", "shop", "--run-id", "first", "-p", "n=4", "--json")

    assert again.code == 2
    assert again.document["error"]["code"] == "key_reused"


def test_a_resume_reuses_what_is_committed(shop, pplns):
    """Resuming after the code was mended runs only what hadn't finished."""
    pplns("run", "shop", "-p", "broken=true", "--run-id", "bad")
    file = shop / "pipelines" / "shop.py"
    file.write_text(file.read_text().replace("if broken:", "if False:"))

    answer = _in_a_new_process(shop, "resume", "shop/bad")

    assert answer.returncode == 0
    assert "attempt 2" in answer.stdout
    assert re.search(r"= split +reused", answer.stdout)
    assert "printed by a step" not in answer.stdout


def _in_a_new_process(folder, *arguments):
    command = [sys.executable, "-X", "utf8", "-m", "pplns_deploy", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)


@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        (["run", "shp"], "There is no pipeline 'shp'.", "Did you mean 'shop'?"),
        (["run", "shop", "-p", "m=1"], "The pipeline 'shop' has no parameter 'm'.", ""),
        (["run", "shop", "-p", "brokn=1"], "The pipeline 'shop' has no parameter 'brokn'.", "Did you mean 'broken'?"),
        (["run", "shop", "-p", "n=many"], "The parameter 'n' of pipeline 'shop' is 'many'.", ""),
        (["run", "shop", "-p", "n"], "-p 'n' gives no parameter a value.", "Write it like -p month=2013-01."),
        (["run", "shop", "-p", "=1"], "-p '=1' gives no parameter a value.", "Write it like"),
        (["run", "shop", "-p", "n=1", "-p", "n=2"], "The parameter 'n' is given twice: '1' and '2'.", "Leave one"),
        (["run", "shop", "--run-id", "a/b"], "The run id is 'a/b'", "Choose another one"),
        (["run", "shop", "--run-id", "x" * 2000], "(2000 characters)", "Choose another one"),
        (["resume", "nothing"], "There is no run 'nothing'", "See `pplns runs`"),
        (["resume", "../shop"], "", ""),
    ],
)
def test_wrong_usage_exits_2_and_records_nothing(shop, pplns, arguments, message, remedy):
    """What is mistyped is refused in three parts before anything is written."""
    answer = pplns(*arguments)

    assert answer.code == 2
    assert answer.out == ""
    assert message in answer.err
    assert f"\n  → {remedy}" in answer.err
    assert "Traceback" not in answer.err
    assert not (shop / ".pplns" / "shop").exists()


def test_a_value_may_hold_equal_signs(shop, pplns):
    """Only the first '=' of -p divides name and value."""
    answer = pplns("run", "shop", "-p", "day=2026=01")

    assert "'2026=01'" in answer.err


def test_the_next_command_carries_the_store_and_the_project(shop, pplns, tmp_path, monkeypatch):
    """A command that is offered finds the same run again from where it is typed."""
    monkeypatch.chdir(tmp_path)

    answer = pplns("run", "shop", "--project", "shop", "--store", "file:kept", "--run-id", "first")

    assert answer.out.splitlines()[-1] == ("Look closer: pplns run-info shop/first --store file:kept --project shop")
    assert pplns("run-info", "shop/first", "--store", "file:kept", "--project", "shop").code == 0


def test_a_memory_store_offers_no_next_command(shop, pplns):
    """A run that is forgotten with the process can't be looked at afterwards."""
    answer = pplns("run", "shop", "--store", "memory:")

    assert answer.code == 0
    assert "Look closer" not in answer.out


def test_a_store_that_cannot_be_written_exits_3(shop, pplns):
    """A store is part of the environment: exit 3, and the folder is named."""
    (shop / "taken").write_text("a file, not a folder")

    answer = pplns("run", "shop", "--store", "file:taken")

    assert answer.code == 3
    assert "taken" in answer.err
    assert "Traceback" not in answer.err


def test_a_live_holder_is_lease_held(shop, pplns):
    """A run that another process works on exits 1 and says so."""
    from pplns.engine.runner import run_pipeline
    from pplns.loader import load_pipeline
    from pplns.settings import load_settings
    from pplns.stores import open_store

    settings = load_settings(shop, environ={})
    store = open_store(settings.store, root=settings.root)
    inside: list[tuple[int, str]] = []

    def run_again(event):
        if type(event).__name__ == "AttemptStarted":
            answer = pplns("run", "shop", "--run-id", "held", "--json")
            inside.append((answer.code, answer.document["error"]["code"]))

    run_pipeline(load_pipeline(settings, "shop"), store=store, settings=settings, run_id="held", observer=run_again)

    assert inside == [(1, "lease_held")]


def test_from_runs_a_step_of_an_ended_run_again(shop, pplns):
    """With --from the run is opened again; what the value doesn't change is reused."""
    pplns("run", "shop", "--run-id", "first")

    for arguments in (["run", "shop", "--run-id", "first"], ["resume", "shop/first"]):
        again = pplns(*arguments, "--from", "split")
        assert again.code == 0
        assert "printed by a step" in again.out
        lines = again.out.splitlines()
        assert lines[0].startswith("Run first of shop, attempt ")
        assert "  ↻ split     runs again: asked for" in lines
        assert "  = publish   reused" in lines


def test_from_needs_a_run_that_exists(shop, pplns):
    """A new run runs all its steps, so --from without --run-id is refused."""
    answer = pplns("run", "shop", "--from", "split")

    assert answer.code == 2
    assert "--from split without --run-id." in answer.err


def test_only_leaves_out_what_comes_after_and_offers_to_go_on(shop, pplns):
    """The rest of the run is for a resume."""
    part = pplns("run", "shop", "--run-id", "first", "--only", "check")

    assert part.code == 0
    assert "Not run: publish." in part.out
    assert "Go on with: pplns resume shop/first" in part.out
    assert '"XXX"' in pplns("resume", "shop/first").out


@pytest.mark.parametrize("option", ["--from", "--only"])
def test_an_unknown_step_gets_the_nearest_one(shop, pplns, option):
    """Names of steps are checked like all others."""
    answer = pplns("run", "shop", "--run-id", "first", option, "publsh")

    assert answer.code == 2
    assert "Did you mean 'publish'?" in answer.err


def test_an_ended_run_is_not_cancelled(shop, pplns):
    """What has ended stays, and that is said."""
    pplns("run", "shop", "--run-id", "first")

    answer = pplns("cancel", "first")

    assert answer.code == 0
    assert "there is nothing to cancel." in answer.out
    assert pplns("run-info", "first", "--json").document["state"] == "succeeded"


def test_a_run_that_is_going_on_can_be_cancelled(shop, pplns, started, monkeypatch):
    """Its holder is asked, and ends it as cancelled; the step that was running is its last."""
    monkeypatch.setenv("PPLNS_LEASE_SECONDS", "1")
    (shop / "pipelines" / "shop.py").write_text(
        "import time\n"
        "from pplns import pipeline, step\n"
        "@step\n"
        "def wait():\n"
        "    while True: time.sleep(0.01)\n"
        "@pipeline\n"
        "def waiting(): return wait()\n"
    )
    process = started(shop, "run", "waiting", "--run-id", "w")
    read_until(process.stdout, "wait", "started")

    answer = pplns("cancel", "waiting/w")

    assert answer.out.startswith("Asked the process that works on it to stop")
    process.communicate()
    assert process.returncode == 1
    assert pplns("run-info", "w", "--json").document["state"] == "cancelled"
