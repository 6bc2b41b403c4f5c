"""A store that fails on order: what a pipeline does when the disk is full, or when an answer is lost on the way."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import get_args

from pplns.errors import DefinitionError, StoreError
from pplns.model.names import nearest
from pplns.stores import MemoryStore, Store
from pplns.testing.passing import Operation, PassingStore

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
Act = Callable[[str], object]


@dataclass(slots=True, eq=False)
class _Order:
    """What to do when an operation is met; `left` says how often still, None for always."""

    operation: Operation
    matching: str
    left: int | None
    act: Act
    after: bool = False


class FailingStore(PassingStore):
    """A store (a memory store of its own unless given) that does as it is told, and counts what it is asked for.

    `matching` is a part of the object's name, such as "steps/clean@" for the commit of the step `clean`: names are
    `<pipeline>/runs/<run id>/` and then `run.json`, `lease.json`, `steps/<step>@<version>.json`,
    `artifacts/<step>@…`, `redo/<step>.<k>.json`, `attempts/<n>.json`. Of several that fit the first is followed."""

    def __init__(self, store: Store | None = None) -> None:
        super().__init__(store or MemoryStore())
        self._orders: list[_Order] = []
        self._met: list[tuple[Operation, str]] = []
        self._guard = threading.Lock()

    def fail(
        self,
        operation: Operation,
        *,
        matching: str = "",
        times: int | None = 1,
        error: Exception | None = None,
        after: bool = False,
    ) -> None:
        """Fail the next `times` operations (None: all of them) on matching names, with `error` or a StoreError.

        With `after` the operation takes effect and only its answer is lost."""

        def refuse(name: str) -> None:
            raise error or StoreError(
                f"The store failed on order: {operation} {name!r}.",
                "Nothing was written." if not after else "It has taken effect; its answer is lost.",
                "A test ordered it; FailingStore.mend() ends it.",
            )

        self._order(operation, matching, times=times, act=refuse, after=after)

    def before(self, operation: Operation, act: Act, *, matching: str = "", times: int | None = 1) -> None:
        """Call `act` with the name before each of the next `times` operations (None: all) on matching names.

        It may use this store: an order is spent before it is followed."""
        self._order(operation, matching, times=times, act=act)

    def mend(self) -> None:
        """Forget all orders."""
        with self._guard:
            self._orders.clear()

    def count(self, operation: Operation, *, matching: str = "") -> int:
        """Return how often an operation was asked for on matching names, failed ones included."""
        return len(self.names(operation, matching=matching))

    def names(self, operation: Operation, *, matching: str = "") -> list[str]:
        """Return the matching names on which an operation was asked for, in order, failed ones included."""
        _check_operation(operation)
        with self._guard:
            return [name for met, name in self._met if met == operation and matching in name]

    @contextmanager
    def meet(self, operation: Operation, name: str) -> Generator[None]:
        """Follow the orders for an operation, before it or after it."""
        with self._guard:
            self._met.append((operation, name))
        self._follow(operation, name, after=False)
        yield
        self._follow(operation, name, after=True)

    def _order(self, operation: Operation, matching: str, *, times: int | None, act: Act, after: bool = False) -> None:
        _check_operation(operation)
        if times is not None and times < 1:
            raise DefinitionError(
                f"A FailingStore is told to act {times!r} times.",
                "It acts at least once; None is always.",
                "Write times=1, or leave the order out.",
            )
        with self._guard:
            self._orders.append(_Order(operation, matching, times, act, after))

    def _follow(self, operation: Operation, name: str, *, after: bool) -> None:
        with self._guard:
            fitting = (one for one in self._orders if one.operation == operation and one.matching in name)
            order = self._spend(one for one in fitting if one.after == after)
        if order is not None:
            order.act(name)

    def _spend(self, fitting: Iterator[_Order]) -> _Order | None:
        order = next(fitting, None)
        if order is not None and order.left is not None:
            order.left -= 1
            if order.left == 0:
                self._orders.remove(order)
        return order


def _check_operation(operation: str) -> None:
    if operation not in OPERATIONS:
        close = nearest(operation, OPERATIONS)
        raise DefinitionError(
            f"A store has no operation {operation!r}.",
            f"Its operations: {', '.join(map(repr, OPERATIONS))}.",
            f"Did you mean {close!r}?" if close else "Choose one of them.",
        )
