"""What must hold after a race, whoever won it."""

from collections import Counter
from pathlib import Path
from typing import Any

from pplns.state.checkpoints import read_checkpoints
from pplns.state.ends import read_end
from pplns.stores import Store
from races.racing import INPUTS

Answer = dict[str, Any]


def committed_values(store: Store, run_id: str) -> dict[str, dict[str, Any]]:
    """Return the committed value of each step, of which there is one commit."""
    found = read_checkpoints(store, f"racing/runs/{run_id}")
    assert not found.unreadable
    assert not found.redos
    assert sorted(step for step, _ in found.commits) == sorted(INPUTS), "a step was committed twice, or not at all"
    return {step: commit.values[0].inline for (step, _), commit in found.commits.items()}


def check_race(store: Store, run_id: str, journal: Path, answers: list[Answer]) -> Counter[str]:
    """Check a run that processes raced for, and return how often each step was started."""
    values = committed_values(store, run_id)
    for step, value in values.items():
        assert value["of"] == [values[one]["by"] for one in INPUTS[step]], f"{step} rests on what was never committed"
    for answer in answers:
        assert (answer["state"], answer["result"]) == ("succeeded", values["publish"]), answer
    lines = [line.split() for line in journal.read_text().splitlines()]
    effects = {(line[1], line[2]) for line in lines if line[0] == "effect"}
    assert len({key for key, _ in effects}) == 1
    assert {value for _, value in effects} == {values["both"]["by"]}, "the outside saw what was never committed"
    _check_ends(store, run_id)
    return Counter(line[1] for line in lines if line[0] == "start")


def _check_ends(store: Store, run_id: str) -> None:
    """Check that every attempt has an end, and that after a success only people's resumes follow."""
    prefix = f"racing/runs/{run_id}"
    names = store.children(f"{prefix}/attempts/")
    ends = [read_end(store, prefix, number) for number in range(1, len(names) + 1)]
    states = [None if end is None else end.state for end in ends]
    first = states.index("succeeded")
    assert set(states[:first]) <= {"lost"}, states
    assert set(states[first:]) <= {"succeeded", "lost"}, states


def snapshot(store: Store, run_id: str) -> dict[str, bytes | None]:
    """Return all that is believed about a run."""
    prefix = f"racing/runs/{run_id}"
    folders = (f"{prefix}/steps/", f"{prefix}/redo/", f"{prefix}/attempts/")
    names = [f"{prefix}/run.json", *(folder + one for folder in folders for one in store.children(folder))]
    return dict(zip(names, store.read_all(names), strict=True))
