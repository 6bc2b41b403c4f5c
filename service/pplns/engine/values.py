"""The values in memory during an attempt: each from its step's return, or its checkpoint, to its last consumer.

Used by several threads. A value that was let go, or was never here, is read from its commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from pplns.errors import DamagedArtifact
from pplns.state.artifacts import load_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns import codecs
    from pplns.graph import Reference
    from pplns.model.artifact import Commit
    from pplns.stores import Store


class InputDamaged(Exception):
    """The checkpoint of a step's input can't be used: that input's step has to run again.

    `version` is the one whose checkpoint was met; None where the step is being run again already."""

    def __init__(self, step: str, version: str | None, reason: str) -> None:
        super().__init__(step, version, reason)
        self.step = step
        self.version = version
        self.reason = reason


class Values:
    """Held values by step. `commit_of` finds the commit of a durable step, None for any other one.

    A value is dropped when it is durable and whoever wants it has it. A try after a failed one may want it again: then
    it is read from its commit, once for all who ask meanwhile."""

    def __init__(self, store: Store, commit_of: Callable[[str], Commit | None]) -> None:
        self._store = store
        self._commit_of = commit_of
        self._guard = threading.Lock()
        self._held: dict[str, tuple[codecs.Held, ...]] = {}
        self._several: dict[str, bool] = {}
        self._wanted_by: dict[str, set[str]] = {}
        self._durable: set[str] = set()
        self._loading: dict[str, threading.Lock] = {}

    def keep(self, name: str, held: tuple[codecs.Held, ...], *, several: bool, consumers: Iterable[str]) -> None:
        """Keep what a step returned until it is durable and its consumers have it."""
        with self._guard:
            self._held[name], self._several[name] = held, several
            self._wanted_by[name] = set(consumers)
            self._durable.discard(name)

    def expect(self, name: str, consumers: Iterable[str]) -> None:
        """Note who will want a durable value, so that it is read once and dropped after the last of them."""
        with self._guard:
            self._wanted_by[name] = set(consumers)
            self._durable.add(name)

    def let_go(self, name: str) -> None:
        """Drop a value; who still wants it reads the checkpoint."""
        with self._guard:
            self._held.pop(name, None)
            self._durable.discard(name)

    def mark_durable(self, name: str) -> None:
        """Note that a step is durable: its value goes once its consumers have it."""
        with self._guard:
            self._durable.add(name)
            self._drop_if_done(name)

    def mark_handed(self, consumer: str, inputs: Iterable[str]) -> None:
        """Note that a consumer has its inputs, or will take none of them."""
        with self._guard:
            for name in inputs:
                self._wanted_by.get(name, set()).discard(consumer)
                self._drop_if_done(name)

    def supply(self, reference: Reference, *, last_for: str | None = None) -> Any:
        """Return a private value for one consumer. `last_for` names one that asks for it no second time: where no other
        one wants the value and it is durable, it gets the one that is held, for good.

        Raises: InputDamaged."""
        held, several = self._find(reference.step)
        try:
            if last_for is not None and not several and self._lets_go(reference.step, held, last_for):
                return held[0].give()
            if reference.output is not None:
                return held[reference.output].handout()
            return tuple(one.handout() for one in held) if several else held[0].handout()
        except DamagedArtifact as error:  # of a streamed value, which is read from its artifact at its first handout
            commit = self._commit_of(reference.step)
            if commit is None:
                raise
            raise InputDamaged(reference.step, commit.version, error.message) from error

    def _lets_go(self, name: str, held: tuple[codecs.Held, ...], consumer: str) -> bool:
        """Drop a durable value that one consumer alone still wants; tell whether it was dropped for it."""
        with self._guard:
            if self._held.get(name) is not held or name not in self._durable or self._wanted_by.get(name) != {consumer}:
                return False
            del self._held[name]
            return True

    def _find(self, name: str) -> tuple[tuple[codecs.Held, ...], bool]:
        with self._guard:
            if name in self._held:
                return self._held[name], self._several[name]
            loading = self._loading.setdefault(name, threading.Lock())
        with loading:
            with self._guard:
                if name in self._held:
                    return self._held[name], self._several[name]
            return self._load(name)

    def _load(self, name: str) -> tuple[tuple[codecs.Held, ...], bool]:
        """Read a value from its commit, and keep it unless another commit has come in its place meanwhile."""
        commit = self._commit_of(name)
        if commit is None:
            raise InputDamaged(name, None, "Its step runs again.")
        try:
            held = tuple(load_value(self._store, value) for value in commit.values)
        except DamagedArtifact as error:
            raise InputDamaged(name, commit.version, error.message) from error
        with self._guard:
            if self._commit_of(name) is commit:
                self._held[name], self._several[name] = held, commit.several
                self._durable.add(name)
        return held, commit.several

    def _drop_if_done(self, name: str) -> None:
        if name in self._durable and not self._wanted_by.get(name):
            self._held.pop(name, None)
