"""A topic of a test: takes continuations, loses or refuses them on order, and delivers them to the engine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kit import AnyPipeline
from pplns.engine.bounds import Bounds
from pplns.engine.clock import Clock
from pplns.engine.runner import continue_run
from pplns.errors import PublishError
from pplns.model.run import RunRecord
from pplns.settings import Settings
from pplns.state.runs import RunHead
from pplns.stores import Store


@dataclass(slots=True)
class Topic:
    """Messages in the order in which they were published: run id and attempt. `refuses` is called before each."""

    messages: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    refuses: Callable[[], object] = lambda: None

    def hand_over(self, head: RunHead, attempt: int) -> str:
        """Publish."""
        self.refuses()
        self.messages.append((head.run_id, attempt))
        return f"message {len(self.messages)}"

    def bounds(self, budget_s: float | None = None, **more: Any) -> Bounds:
        """Return the bounds of a request whose run continues by this topic."""
        return Bounds(budget_s=budget_s, hand_over=self.hand_over, **more)


def refuse() -> None:
    """Fail as a topic does that can't be reached."""
    raise PublishError("The topic is away.", "It takes messages.", "Wait.")


def short_margin(settings: Settings) -> Settings:
    """Return settings in which publishing is given up after a few tries."""
    return settings.replace(margin_seconds=6.0)


def deliver(
    pipeline: AnyPipeline,
    run_id: str,
    attempt: int,
    *,
    store: Store,
    settings: Settings,
    bounds: Bounds,
    clock: Clock | None = None,
) -> RunRecord:
    """Deliver a continuation."""
    return continue_run(pipeline, run_id, attempt=attempt, store=store, settings=settings, bounds=bounds, clock=clock)
