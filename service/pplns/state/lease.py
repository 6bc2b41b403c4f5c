"""A lease on a run: at most one holder works on it at a time.

A lease only makes double work rare. A holder that was paused past it may still be writing; what keeps the run right is
that commits and ends are created once, and that an attempt begins only after the end of the one before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from pplns.built_in import datetime
from pplns.errors import DamagedRecord, LeaseHeld, LeaseLost
from pplns.model.frozen import Frozen
from pplns.model.ids import new_token
from pplns.model.run import ErrorInfo, iso, iso_now
from pplns.state import records
from pplns.state.ends import End, create_end, is_cancel_requested, read_end
from pplns.state.fields import Fields
from pplns.state.holders import Holder, is_gone, mark_active
from pplns.typed import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pplns.stores import Store

RENEWALS_PER_LEASE = 3
SAFE_SHARE = 5 / 6  # a holder acts only while its last acknowledged renewal is younger than this share of the lease
CONTINUING_SECONDS = 30 * 60.0  # after that without a new attempt the message that a run goes on by is lost


class LeaseView(Frozen):
    """A lease as it is found. `live` says that its holder may be at work; `expires_in_s` when it would be over.

    `age_s`: since it was last written or renewed. `asked_before`: the end of an attempt before this one was asked for,
    too late for that one. `reopened_at`: when a person last resumed the run."""

    attempt: int
    generation: int
    holder: Holder
    live: bool
    age_s: float
    expires_in_s: float
    started_at: str
    first_started_at: str
    steps: tuple[str, ...]
    asked_before: bool
    reopened_at: str | None = None

    def awaits(self, end: End) -> bool:
        """Tell whether the continuation of an attempt that ended so is still waited for: by the lease's age alone,
        which no write changes after the end."""
        return end.state == "continuing" and self.age_s < CONTINUING_SECONDS


class Claim(Frozen):
    """What a holder says about the attempt it begins: the digests of code and graph, and the names of the steps."""

    holder: Holder
    duration_s: float
    code: str = ""
    graph: str = ""
    steps: tuple[str, ...] = ()


class Slot(Protocol):
    """A run's place among those of its pipeline that may be under way at the same time (state/slots.py)."""

    def take(self, attempt: int) -> None:
        """Take a slot for an attempt that is about to begin.

        Raises: TooManyRuns."""
        ...

    def keep(self, attempt: int) -> bool:
        """Take one's own slot again after the lease ran out; tell whether nobody else has."""
        ...


def lease_name(prefix: str) -> str:
    """Return the name of a run's lease."""
    return f"{prefix}/lease.json"


def view_lease(store: Store, prefix: str) -> LeaseView | None:
    """Return a run's lease as it stands, or None when no attempt ever began.

    Raises: DamagedRecord."""
    name = lease_name(prefix)
    register = store.read_register(name)
    if register is None:
        return None
    record = records.decode(register.data, name=name)
    try:
        fields = Fields(record)
        holder = Holder.from_json(fields.mapping("holder"))
        left = fields.seconds("duration_s") - register.age_s
        return LeaseView(
            attempt=fields.count("attempt"), generation=register.generation, holder=holder, expires_in_s=max(0.0, left),
            age_s=register.age_s, reopened_at=fields.time_or_none("reopened_at"),
            live=left > 0 and not (store.shares_host and is_gone(holder)), started_at=fields.time("started_at"),
            first_started_at=fields.time("first_started_at"), steps=tuple(map(str, fields.list("steps"))),
            asked_before=fields.flag_or_false("asked_before"),
        )  # fmt: skip
    except ValueError as error:
        raise DamagedRecord(
            f"The lease {name!r} garbles {error}.",
            "It says who works on the run.",
            "Restore it from a backup, or start a new run.",
        ) from error


def acquire_lease(
    store: Store,
    prefix: str,
    claim: Claim,
    *,
    reopen: bool,
    continues: int | Literal["any"] | None = None,
    slot: Slot | None = None,
    now: datetime | None = None,
) -> Lease | End:
    """Begin the next attempt of a run, or return the end by which the run is over, or goes on without this process.

    An attempt whose holder is gone or whose lease ran out is ended as lost first. `reopen` goes on with a run that
    has ended: a person's resume. `continues` is the attempt whose continuation this is: while a run waits for one,
    nobody else but a person goes on with it ("any": whoever cancels it). `slot` is taken before the lease. `now` is
    what records say of the time (aware UTC; the present, unless given).

    Raises: LeaseHeld while another holder works on it, TooManyRuns while no slot is free."""
    view = view_lease(store, prefix)
    started_at = iso(now) or iso_now()
    lease = Lease(store, prefix, claim, 1, first_started_at=started_at, started_at=started_at, slot=slot)
    if view is not None:
        end = read_end(store, prefix, view.attempt) or _seal(store, prefix, view, finished_at=started_at)
        if not reopen and (end.final or (view.awaits(end) and continues not in ("any", end.attempt))):
            return end
        lease.attempt, lease.first_started_at = view.attempt + 1, view.first_started_at
        lease.asked_before = not reopen and _is_asked(store, prefix, view)
        lease.reopened_at = view.reopened_at
    if reopen:
        lease.reopened_at = started_at
    if not lease.take(0 if view is None else view.generation):
        raise _held(0.0)
    return lease


def _seal(store: Store, prefix: str, view: LeaseView, *, finished_at: str) -> End:
    """End an attempt as lost, or as cancelled where that was asked for, unless its holder lives or ended it."""
    if view.live:
        raise _held(view.expires_in_s)
    is_cancelled = _is_asked(store, prefix, view)
    lost = End(
        attempt=view.attempt, state="cancelled" if is_cancelled else "lost", final=is_cancelled,
        finished_at=finished_at, started_at=view.started_at,
        first_started_at=view.first_started_at, commits=len(store.children(f"{prefix}/steps/")),
    )  # fmt: skip
    return create_end(store, prefix, lost, writer=new_token())


def _is_asked(store: Store, prefix: str, view: LeaseView) -> bool:
    """Tell whether somebody asked for the end of the attempt in a lease, or of a sealed one before it."""
    return view.asked_before or is_cancel_requested(store, prefix, view.attempt)


class Lease:
    """A lease that this process holds. Its methods may be called from several threads.

    `asked_before`: somebody asked for the end of an attempt that was sealed meanwhile; it counts in this one.
    `reopened_at`: when a person last resumed the run, from when on its timeout counts."""

    def __init__(
        self,
        store: Store,
        prefix: str,
        claim: Claim,
        attempt: int,
        *,
        first_started_at: str,
        started_at: str,
        slot: Slot | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.prefix = prefix
        self.claim = claim
        self.attempt = attempt
        self.first_started_at = first_started_at
        self.started_at = started_at
        self.asked_before = False
        self.reopened_at: str | None = None
        self.slot = slot
        self.monotonic = monotonic
        self._generation = 0
        self._acknowledged = 0.0
        self._is_over = False
        self._guard = threading.Lock()

    def take(self, expected: int) -> bool:
        """Write the lease against the generation that was read; tell whether nobody was faster.

        Raises: TooManyRuns."""
        before = self.monotonic()  # of the slot, too: whoever is slow from there to here looks at its slot again
        mark_active(self.claim.holder, active=True)  # first: a sibling thread may see the lease before swap returns
        generation = None
        try:
            if self.slot is not None:
                self.slot.take(self.attempt)
            generation = self.store.swap(lease_name(self.prefix), self._data(self.attempt), expected=expected)
        finally:
            if generation is None:
                self.leave()
        if generation is None:
            return False
        self._generation, self._acknowledged = generation, before
        return True

    def renew(self) -> None:
        """Keep the lease, moving to the next attempt if someone sealed this one as lost.

        Raises: LeaseLost when another holder took the run over, or ended it for good."""
        with self._guard:
            if self._is_over:
                return
            before = self.monotonic()
            if before - self._acknowledged >= self.claim.duration_s:
                self._require_slot(self.attempt)
            generation = self.store.renew(
                lease_name(self.prefix), self._data(self.attempt), generation=self._generation
            )
            if generation is None:
                raise LeaseLost(self.prefix)
            self._generation, self._acknowledged = generation, before
            end = read_end(self.store, self.prefix, self.attempt)
            if end is not None and end.state != "lost":
                raise LeaseLost(self.prefix)
            if end is not None:
                self._require_slot(self.attempt + 1)
                self._next_attempt()

    def require(self) -> None:
        """Return if this holder may start a step or write a commit; a renewal that is due is made first.

        Raises: LeaseLost, also once the end is being written, StoreError."""
        if self._is_over:
            raise LeaseLost(self.prefix)
        if self.monotonic() - self._acknowledged >= SAFE_SHARE * self.claim.duration_s:
            self.renew()

    def is_cancel_requested(self) -> bool:
        """Tell whether somebody asked for the end of this attempt, or of a sealed one before it."""
        return self.asked_before or is_cancel_requested(self.store, self.prefix, self.attempt)

    def end(self, end: Callable[[int], End]) -> End:
        """Write the end of this attempt and return the one that stands. Nothing may be written after it.

        `end` makes it for a number: as often as someone sealed the attempt as lost although its holder lives, the
        holder moves to the next one and ends that.

        Raises: LeaseLost, StoreError."""
        try:
            with self._guard:
                self._is_over = True
                while (standing := self._create_end(end(self.attempt))).state == "lost":
                    self._next_attempt()
            return standing
        finally:
            self.leave()

    def leave(self) -> None:
        """Work on the run no more; the lease ends by the attempt's end, or by running out."""
        mark_active(self.claim.holder, active=False)

    def _require_slot(self, attempt: int) -> None:
        """Take the slot again after the lease ran out: whoever found the run lost may have it."""
        if self.slot is not None and not self.slot.keep(attempt):
            raise LeaseLost(self.prefix)

    def _create_end(self, made: End) -> End:
        if self.is_cancel_requested():
            made = cancelled(made)
        return create_end(self.store, self.prefix, made, writer=new_token())

    def _next_attempt(self) -> None:
        self.asked_before = self.is_cancel_requested()
        name, data = lease_name(self.prefix), self._data(self.attempt + 1)
        generation = self.store.swap(name, data, expected=self._generation)
        if generation is None:
            raise LeaseLost(self.prefix)
        self._generation, self.attempt = generation, self.attempt + 1

    def _data(self, attempt: int) -> bytes:
        record: Mapping[str, Any] = {
            "holder": self.claim.holder.as_json(), "attempt": attempt, "duration_s": self.claim.duration_s,
            "code": self.claim.code, "graph": self.claim.graph, "steps": list(self.claim.steps),
            "started_at": self.started_at, "first_started_at": self.first_started_at, "asked_before": self.asked_before,
            "reopened_at": self.reopened_at,
        }  # fmt: skip
        return records.encode(record, writer=self.claim.holder.id)


class LeaseKeeper:
    """Renews a lease three times in its duration, from a thread of its own.

    C code that holds the interpreter's lock for longer than the lease starves this thread: another holder may then
    repeat the steps under way, and the commits decide. `on_loss` is called when the lease is lost, `on_cancel` when
    somebody asked for the attempt's end."""

    def __init__(self, lease: Lease, *, on_loss: Callable[[], None], on_cancel: Callable[[], None]) -> None:
        self._lease = lease
        self._on_loss = on_loss
        self._on_cancel = on_cancel
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="pplns-lease", daemon=True)

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _keep(self) -> None:
        interval_s = min(self._lease.claim.duration_s / RENEWALS_PER_LEASE, threading.TIMEOUT_MAX)
        while not self._stop.wait(interval_s):
            try:
                self._lease.renew()
                if self._lease.is_cancel_requested():
                    self._on_cancel()
            except LeaseLost:
                self._on_loss()
                return
            except Exception:  # whatever a store raises: without this thread the lease of a long step would run out
                continue  # the next renewal tries again; `require` stops the work when none succeeds in time


def cancelled(end: End) -> End:
    """Return the end of a cancelled attempt in place of another one."""
    error = ErrorInfo("cancelled", "The run was cancelled.", "Resume it to go on: what is committed stays.")
    return end.replace(state="cancelled", final=True, result=None, error=error, message_id=None)


def _held(expires_in_s: float) -> LeaseHeld:
    return LeaseHeld(
        "Another process works on this run.",
        "A run has one holder at a time.",
        f"Wait for it; if it is gone, try again in {expires_in_s:.0f} s." if expires_in_s >= 1 else "Try again.",
        retry_after=expires_in_s,
    )
