"""The store fails at each operation in turn: the attempt ends clearly, nothing is corrupt, the run goes on later."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit import Runs, settings_of
from pplns.errors import StoreError
from pplns.model.run import RunRecord
from pplns.stores import FileStore, Store
from pplns.testing.passing import Operation, PassingStore
from store_faults.faulty import EXPECTED, ROOT, faulty, finish, outcome_of


class Unavailable(PassingStore):
    """Fails from operation `begins` on, before or after it takes effect: once, or for good."""

    def __init__(self, store: Store, *, begins: int, lasts: bool, after: bool) -> None:
        super().__init__(store)
        self.operations = 0
        self._begins, self._lasts, self._after = begins, lasts, after

    def meet(self, operation: Operation, name: str) -> Any:
        """Fail, or let an operation pass."""
        self.operations += 1
        number = self.operations
        fails = number >= self._begins if self._lasts else number == self._begins
        return _Passage(fails, after=self._after)


class _Passage:
    def __init__(self, fails: bool, *, after: bool) -> None:
        self._fails = fails
        self._after = after

    def __enter__(self) -> None:
        if self._fails and not self._after:
            raise StoreError("The store is away.", "It answers.", "Try again.")

    def __exit__(self, kind: object, *_: object) -> None:
        if self._fails and self._after and kind is None:
            raise StoreError("The answer was lost.", "It comes.", "Try again.")


def count_operations(folder: Path) -> int:
    store = Unavailable(FileStore(folder / "whole"), begins=10**9, lasts=False, after=False)
    assert Runs(store, settings_of(ROOT)).run(faulty, run_id="r").result == EXPECTED
    return store.operations


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "answer lost"])
def test_each_operation_fails(
    tmp_path: Path, rng: random.Random, sample: Callable[..., int], lasts: bool, after: bool
) -> None:
    """On files, where nothing is repeated: whatever fails, a later attempt goes on behind what is committed."""
    there_are = count_operations(tmp_path)
    for number in rng.sample(range(1, there_are + 1), min(there_are, sample(full=there_are, ci=15))):
        store = FileStore(tmp_path / f"{number}")
        spoilt = Runs(Unavailable(store, begins=number, lasts=lasts, after=after), settings_of(ROOT))

        outcome = outcome_of(lambda spoilt=spoilt: spoilt.run(faulty, run_id="r"))  # type: ignore[misc]

        if isinstance(outcome, RunRecord) and outcome.state == "succeeded":
            assert outcome.result == EXPECTED
        finish(Runs(store, settings_of(ROOT)), store)
