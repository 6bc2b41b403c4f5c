"""The peers' benchmark measures plain Python and pplns from one command; other peers need environments of their own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    results = tmp_path_factory.mktemp("benchmark") / "results.json"
    command = [sys.executable, str(ROOT / "benchmarks/peers.py"), "--here", "--quick", "--json", str(results)]
    done = subprocess.run(
        [*command, "--only", "plain,pplns", "--case", "import,ints,killed"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {**json.loads(results.read_text("utf-8")), "printed": done.stdout}


def test_each_case_has_a_measurement_of_each_peer(measured: dict[str, Any]) -> None:
    """Nothing that failed is left out in silence."""
    assert measured["errors"] == {}
    assert list(measured["cases"]) == ["import", "ints", "killed"]
    for case in measured["cases"].values():
        assert {name: len(rounds) for name, rounds in case["peers"].items()} == {"plain": 1, "pplns": 1}


def test_a_killed_run_goes_on_where_it_stopped(measured: dict[str, Any]) -> None:
    """Of 20 steps, twelve were done before the kill."""
    peers = measured["cases"]["killed"]["peers"]

    assert [rounds[0]["steps"] for rounds in peers.values()] == [8, 8]


def test_the_tables_are_printed_with_versions(measured: dict[str, Any]) -> None:
    """As they are written into the docs."""
    assert "- pplns: pplns " in measured["printed"]
    assert "| pplns | 1 |" in measured["printed"]
    assert "### Where pplns is behind a peer" in measured["printed"]


def test_an_unknown_peer_is_refused() -> None:
    """By name, with those that are known."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/peers.py"), "--only", "dagter"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert "'dagter' is none of plain, pplns, hamilton, dbos" in done.stderr
