"""What `step` and `pipeline` make of a function, and what they refuse."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from pplns import DefinitionError, PubSub, Resources, Retry, Schedule, pipeline, step
from pplns.steps import Handle, Step, recorder


def load(day: str, *, limit: int = 10) -> list[str]:
    """Load the orders of a day.

    As text."""
    return [day] * limit


class Recording:
    """Takes down calls of steps, as the graph does."""

    def __init__(self) -> None:
        self.calls: list[tuple[Step[Any, Any], tuple[Any, ...], dict[str, Any]]] = []

    def record(self, called: Step[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Handle:
        self.calls.append((called, args, kwargs))
        return Handle(self, called.name)


@pytest.fixture
def recording() -> Any:
    """A pipeline function that is being recorded."""
    calls = Recording()
    token = recorder.set(calls)
    yield calls
    recorder.reset(token)


def test_a_step_called_outside_a_pipeline_is_the_plain_function() -> None:
    """A unit test of a step needs nothing of pplns."""
    assert step(load)("2013-01-01", limit=2) == ["2013-01-01", "2013-01-01"]


def test_an_error_of_a_plain_call_is_the_functions_own() -> None:
    """Nothing is wrapped: a test sees what the function raises."""

    @step
    def fail() -> None:
        raise LookupError("no such day")

    with pytest.raises(LookupError, match="no such day"):
        fail()


def test_a_step_called_inside_a_pipeline_is_recorded(recording: Recording) -> None:
    """The function doesn't run; the call gives a handle."""
    loaded = step(load)("2013-01-01", limit=2)

    assert isinstance(loaded, Handle)
    assert [(called.name, args, kwargs) for called, args, kwargs in recording.calls] == [
        ("load", ("2013-01-01",), {"limit": 2})
    ]


def test_a_step_looks_like_its_function() -> None:
    """Name, docstring and signature stay, for help and for debuggers."""
    made = step(load)

    assert made.__name__ == "load"
    assert made.__doc__ == load.__doc__
    assert inspect.signature(made) == inspect.signature(load)
    assert repr(made) == "<step 'load'>"


def test_attributes_of_the_function_do_not_reach_into_the_step() -> None:
    """A decorator below may leave marks on the function under any name."""

    def marked() -> int:
        return 1

    marked.name = "other"  # type: ignore[attr-defined]
    marked.options = None  # type: ignore[attr-defined]
    made = step(marked)

    assert made.name == "marked"
    assert made.options(timeout=5).options_set.timeout == 5


def test_options_are_kept_in_seconds() -> None:
    """Durations are read once, where they are written."""
    made = step(retry=Retry(attempts=2, delay="1m"), timeout="1h30m", outputs=2, wait_for_commit=True)(load)

    assert made.options_set.timeout == 5400
    assert made.options_set.retry.delay == 60
    assert made.options_set.outputs == 2
    assert made.options_set.wait_for_commit is True


def test_named_after_and_options_leave_the_step_as_it_was() -> None:
    """Each gives a copy for one use; the step itself may be used elsewhere."""
    made = step(load)
    ready = object()

    other = made.named("load_returns").after(ready).options(retry=Retry(attempts=7), timeout=9, wait_for_commit=True)

    assert (other.name, other.is_named, other.order) == ("load_returns", True, (ready,))
    assert (other.options_set.retry.attempts, other.options_set.timeout) == (7, 9)
    assert (made.name, made.is_named, made.order, made.options_set.timeout) == ("load", False, (), None)


def test_the_order_of_named_after_and_options_does_not_matter() -> None:
    """A later one keeps what an earlier one set."""
    made = step(load)

    one = made.options(timeout=9).named("other").after(1).after(2)
    two = made.after(1).named("other").after(2).options(timeout=9)

    assert (
        (one.name, one.order, one.options_set)
        == (two.name, two.order, two.options_set)
        == ("other", (1, 2), one.options_set)
    )


async def coroutine() -> None: ...


async def async_generator() -> Any:
    yield 1


def generator() -> Any:
    yield 1


class Orders:
    """A class, which is no step."""


@pytest.mark.parametrize("decorate", [step, pipeline, step(), pipeline()])
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (coroutine, r"is an `async def`.*asyncio\.run"),
        (async_generator, r"is an `async def`.*asyncio\.run"),
        (Orders, r"stands on the class 'Orders'.*above a `def`"),
        (Orders(), r"stands on <.*Orders object.*above a `def`"),
        ("load", r"stands on 'load'.*above a `def`"),
        (42, r"stands on 42.*above a `def`"),
        (step(load), r"stands on <step 'load'>.*Remove one"),
        (pipeline(load), r"stands on <pipeline 'load'>.*Remove one"),
        (lambda: 1, r"is named '<lambda>'.*name=\"…\""),
    ],
)
def test_what_is_no_plain_function_is_refused(decorate: Callable[[Any], Any], function: Any, message: str) -> None:
    """The error says what the decorator stands on and what to write."""
    with pytest.raises(DefinitionError, match=message):
        decorate(function)


def test_a_pipeline_that_yields_is_refused() -> None:
    """It calls its steps at once; a loop over its tables would never run."""
    with pytest.raises(DefinitionError, match=r"The pipeline 'generator' contains `yield`.*return it"):
        pipeline(generator)


def test_a_step_may_yield() -> None:
    """What it yields are tables, each stored as it comes; called by itself it is a plain generator."""
    assert list(step(generator)()) == [1]


def test_a_pipeline_does_not_yield_and_a_step_may() -> None:
    """A pipeline function that yields would never be run through; a step yields tables."""
    with pytest.raises(DefinitionError, match=r"The pipeline 'generator' contains `yield`.*return it"):
        pipeline(generator)
    assert step(generator).name == "generator"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retry": 3}, "has retry=3. retry is a Retry. Write retry=Retry(…)"),
        ({"retry": Retry}, "has retry=<class"),
        ({"timeout": "soon"}, "The timeout of a step is 'soon'"),
        ({"timeout": -1}, "The timeout of a step is -1"),
        ({"timeout": 0}, "Leave it out for no timeout"),
        ({"timeout": True}, "The timeout of a step is True"),
        ({"outputs": 0}, "@step(outputs=0)"),
        ({"outputs": True}, "@step(outputs=True)"),
        ({"outputs": "2"}, "@step(outputs='2')"),
        ({"wait_for_commit": "yes"}, "wait_for_commit is 'yes'"),
        ({"name": ""}, "A step is named ''"),
        ({"name": 5}, "A step is named 5"),
    ],
)
def test_a_wrong_option_of_a_step_is_refused(options: dict[str, Any], message: str) -> None:
    """The error names the option and its value."""
    with pytest.raises(DefinitionError) as raised:
        step(**options)(load)

    assert message in str(raised.value)
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retry": 3}, "<step 'load'> has retry=3"),
        ({"timeout": "soon"}, "The timeout of step 'load' is 'soon'"),
        ({"timeout": 0}, "Leave it out for no timeout"),
        ({"wait_for_commit": 1}, "wait_for_commit is 1"),
    ],
)
def test_a_wrong_option_for_one_use_is_refused(options: dict[str, Any], message: str) -> None:
    """`options` checks as the decorator does, and names the step."""
    with pytest.raises(DefinitionError) as raised:
        step(load).options(**options)

    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"triggers": Schedule("0 6 * * *")}, "has triggers=Schedule"),
        ({"triggers": "0 6 * * *"}, "has triggers='0 6 * * *'"),
        ({"triggers": 5}, "has triggers=5"),
        ({"triggers": ["0 6 * * *"]}, "has the trigger '0 6 * * *'"),
        ({"triggers": [PubSub("abc", name="a"), Schedule("0 6 * * *", name="a")]}, "two triggers named 'a'"),
        ({"triggers": [PubSub("abc", params={"x": object()})]}, "a trigger with params={'x': <object object at"),
        ({"triggers": [PubSub("abc", params={"x": {"y": b"z"}})]}, "a trigger with params={'x': {'y': b'z'}}"),
        ({"resources": "2Gi"}, "'load' has resources='2Gi'"),
        ({"resources": 0}, "'load' has resources=0"),
        ({"timeout": "0s"}, "The timeout of a pipeline is '0s'"),
        ({"timeout": []}, "The timeout of a pipeline is []"),
        ({"max_concurrent_runs": 0}, "@pipeline(max_concurrent_runs=0)"),
        ({"max_concurrent_runs": 1.5}, "@pipeline(max_concurrent_runs=1.5)"),
        ({"max_parallel_steps": False}, "@pipeline(max_parallel_steps=False)"),
        ({"name": "two words"}, "A pipeline is named 'two words'"),
    ],
)
def test_a_wrong_option_of_a_pipeline_is_refused(options: dict[str, Any], message: str) -> None:
    """The error names the option, its value and the pipeline."""
    with pytest.raises(DefinitionError) as raised:
        pipeline(**options)(load)

    assert message in str(raised.value)
    assert raised.value.remedy


def test_after_takes_outputs_and_no_steps() -> None:
    """Forgetting the call of the earlier step is said at once."""
    with pytest.raises(DefinitionError, match=r"'publish' is ordered after <step 'load'> itself\..*Call it first"):
        step(name="publish")(load).after(step(load))


def test_a_pipeline_keeps_what_it_was_given() -> None:
    """Triggers in order, resources, bounds; the description is the docstring's first line."""
    daily = Schedule("0 6 * * *")

    made = pipeline(triggers=iter([daily]), resources=Resources(cpu=2), timeout="30m", max_concurrent_runs=1)(load)

    assert made.triggers == (daily,)
    assert (made.resources.cpu, made.timeout, made.max_concurrent_runs, made.max_parallel_steps) == (2, 1800, 1, 8)
    assert made.description == "Load the orders of a day."
    assert repr(made) == "<pipeline 'load'>"


def test_a_pipeline_without_options_has_no_bounds() -> None:
    """One CPU, no timeout, no triggers, any number of runs."""
    made = pipeline(load)

    assert (made.triggers, made.timeout, made.max_concurrent_runs) == ((), None, None)
    assert made.resources == Resources()
