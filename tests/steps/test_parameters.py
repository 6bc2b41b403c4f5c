"""Parameters of a pipeline: what its function asks for, and what is refused by name before anything runs."""

import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from pplns import DefinitionError, ParameterError, logical_date, pipeline, step
from pplns.steps import Pipeline
from pplns.steps.declared import MISSING
from pplns.steps.definitions import recorder
from pplns.steps.parameters import convert_params, parameters_of, stored_params, with_logical_date_now

NIGHT_IN_NEW_YORK = datetime(2013, 1, 1, 3, tzinfo=UTC)


@dataclass
class Tree:
    child: "Tree | None" = None


def converted(made: Callable[..., Any], timezone: str = "UTC", **sent: Any) -> dict[str, Any]:
    whole: Pipeline[Any, Any] = made if isinstance(made, Pipeline) else pipeline(name="p")(made)
    return convert_params(whole, sent, logical_date=NIGHT_IN_NEW_YORK, timezone=timezone)


def undefined(made: Callable[..., Any]) -> str:
    with pytest.raises(DefinitionError) as caught:
        parameters_of(pipeline(name="p")(made))
    assert caught.value.met
    assert caught.value.expected
    assert caught.value.remedy
    return str(caught.value)


@dataclass
class Options:
    limit: int
    since: date | None = None


def test_a_parameter_tells_its_type_and_default():
    """What `show` prints, in the order of the function."""

    def run(day: date, options: Options, kind: Literal["a", "b"] = "a", tags: list[str] | None = None, anything=1): ...

    found = parameters_of(pipeline(run))

    assert [(one.name, one.shown) for one in found] == [
        ("day", "date"), ("options", "Options"), ("kind", "'a' | 'b'"), ("tags", "list[str] | None"),
        ("anything", "any"),
    ]  # fmt: skip
    assert [one.is_required for one in found] == [True, True, False, False, False]
    assert [one.default for one in found] == [MISSING, MISSING, "a", None, 1]


def test_a_default_is_shown_as_it_would_be_sent():
    """What `show` prints can be typed after -p."""

    def run(
        day: date, wait: timedelta = timedelta(minutes=5), options: Options = Options(3), name: str = "x",  # noqa: B008
        path: Path | None = None, time: date = logical_date(),
    ): ...  # fmt: skip

    texts = [one.shown_default for one in parameters_of(pipeline(run))]

    assert texts == ["", "300s", '{"limit": 3, "since": null}', "x", "null", "logical_date()"]


def test_a_mistyped_field_gets_the_nearest_name():
    """As a mistyped parameter does."""

    def run(options: Options): ...

    with pytest.raises(ParameterError) as caught:
        converted(run, options={"limit": 1, "sinc": None})
    assert caught.value.remedy == "Did you mean 'since'?"


def test_annotations_as_text_are_resolved():
    """`from __future__ import annotations` changes nothing."""

    def run(day: "date", several: "list[Options]", nested: list["date"]): ...

    found = parameters_of(pipeline(run))

    assert [one.annotation for one in found] == [date, list[Options], list[date]]


def test_a_return_annotation_is_nobodys_parameter():
    """It may name what only a type checker knows."""

    def run(day: date) -> "NoSuchThing": ...  # type: ignore[name-defined]  # noqa: F821

    assert [one.name for one in parameters_of(pipeline(run))] == ["day"]


def test_defaults_and_logical_dates_are_filled_in():
    """A run has every parameter, converted."""

    def run(n: int, path: Path = "data", rate: float = 2, day: date = logical_date(), none: int = None): ...  # type: ignore[assignment]  # noqa: RUF013

    assert converted(run, n="7") == {"n": 7, "path": Path("data"), "rate": 2.0, "day": date(2013, 1, 1), "none": None}


@pytest.mark.parametrize(
    ("annotation", "timezone", "value"),
    [
        (date, "UTC", date(2013, 1, 1)),
        (date, "America/New_York", date(2012, 12, 31)),
        (date | None, "America/New_York", date(2012, 12, 31)),
        (typing.Optional[datetime], "America/New_York", NIGHT_IN_NEW_YORK),  # noqa: UP045
        (datetime, "Asia/Tokyo", NIGHT_IN_NEW_YORK),
        (str, "Asia/Tokyo", "2013-01-01T03:00:00+00:00"),
    ],
)
def test_the_logical_date_is_of_the_annotated_type(annotation: Any, timezone: str, value: object):
    """A day is a day in the time zone; a time is aware UTC."""

    def run(when=logical_date()): ...

    run.__annotations__["when"] = annotation

    assert converted(run, timezone) == {"when": value}


@pytest.mark.parametrize("annotation", [int, list[date], Any, dict[str, date]])
def test_another_type_for_the_logical_date_is_refused(annotation: Any):
    """A number can't be the time of a run."""

    def run(when=logical_date()): ...

    run.__annotations__["when"] = annotation

    assert "'when'" in undefined(run)


def test_a_logical_date_that_is_sent_wins():
    """A backfill by hand sends the day."""

    def run(day: date = logical_date()): ...

    assert converted(run, day="2012-02-29") == {"day": date(2012, 2, 29)}


def test_a_day_without_offset_is_taken_in_the_time_zone():
    """People write local times; the run has UTC."""

    def run(since: datetime): ...

    assert converted(run, "America/New_York", since="2013-01-01T00:00") == {
        "since": datetime(2013, 1, 1, 5, tzinfo=UTC)
    }


def test_an_unknown_parameter_gets_the_nearest_name():
    """The known ones are listed."""

    def run(month: str, region: str = "us"): ...

    with pytest.raises(ParameterError, match="Did you mean 'month'") as caught:
        converted(run, mnth="2013-01")
    assert "'month', 'region'" in caught.value.expected
    assert "'p'" in caught.value.met


def test_a_pipeline_without_parameters_says_so():
    """Nothing can be sent to it."""

    def run(): ...

    with pytest.raises(ParameterError, match="It takes none"):
        converted(run, month="2013-01")


def test_missing_parameters_are_named_together():
    """One message for all, with their types."""

    def run(month: str, n: int, region: str = "us"): ...

    with pytest.raises(ParameterError) as caught:
        converted(run)
    assert "'month' (str), 'n' (int)" in caught.value.met


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"limit": "x"}, "'options.limit' of pipeline 'p' is 'x'"),
        ({"limit": 1, "since": "yesterday"}, "'options.since' of pipeline 'p' is 'yesterday'"),
        ({"since": None}, "'options.limit' of pipeline 'p' is missing"),
        ({"limit": 1, "limt": 1}, "'options.limt' of pipeline 'p' is unknown"),
        ("{", "'options' of pipeline 'p' is '{'"),
    ],
)
def test_a_field_is_named_with_its_path(sent: object, named: str):
    """Deep in an object, the message says where."""

    def run(options: Options): ...

    with pytest.raises(ParameterError) as caught:
        converted(run, options=sent)
    assert named in caught.value.met
    assert caught.value.expected
    assert caught.value.remedy


def test_an_item_is_named_with_its_place():
    """The third of a list is '[2]'."""

    def run(days: list[date]): ...

    with pytest.raises(ParameterError, match=r"'days\[2\]' of pipeline 'p' is 'x'"):
        converted(run, days='["2013-01-01", "2013-01-02", "x"]')


def test_a_long_value_is_cut_in_the_message():
    """A whole file sent by mistake doesn't fill the screen."""

    def run(n: int): ...

    with pytest.raises(ParameterError) as caught:
        converted(run, n="x" * 10_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("annotation", [Any, dict[str, Any], "Tree"])
def test_a_value_nested_without_end_is_refused(annotation: Any):
    """A request can't crash the service by its depth."""

    def run(x): ...

    run.__annotations__["x"] = annotation
    sent: dict[str, Any] = {}
    for _ in range(100_000):
        sent = {"child": sent}

    with pytest.raises(ParameterError, match="nested too deeply"):
        converted(run, x=sent)


def takes_args(*args: int): ...
def takes_kwargs(**kwargs: int): ...
def takes_by_place(x: int, /): ...
def takes_bytes(x: bytes): ...
def takes_a_set_of_unknown(x: set[complex]): ...
def takes_numbered(x: dict[int, str]): ...
def takes_a_function(x: Callable[[], int]): ...
def takes_a_module(x: typing): ...  # type: ignore[valid-type]
def takes_unresolved(x: "NoSuchThing"): ...  # type: ignore[name-defined]  # noqa: F821
def takes_a_list(x: [int]): ...  # type: ignore[valid-type]
def has_a_wrong_default(x: int = "abc"): ...  # type: ignore[assignment]
def has_a_half_default(x: int = 1.5): ...  # type: ignore[assignment]
def has_a_true_default(x: int = True): ...
def has_a_wrong_item(x: list[int] = ["a"]): ...  # type: ignore[list-item]  # noqa: B006
def has_a_date_without_annotation(x=date(2013, 1, 1)): ...
def has_an_object_without_annotation(x=object()): ...  # noqa: B008
def has_an_ambiguous_union(x: float | timedelta = timedelta(seconds=5)): ...


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (takes_args, "'*args'"), (takes_kwargs, "'**kwargs'"), (takes_by_place, "by its name"), (takes_bytes, "bytes"),
        (takes_a_set_of_unknown, "complex"), (takes_numbered, "keys aren't str"), (takes_a_function, "Callable"),
        (takes_a_module, "'x'"), (takes_unresolved, "TYPE_CHECKING"), (takes_a_list, "'x'"),
        (has_a_wrong_default, "'abc'"), (has_a_half_default, "1.5"), (has_a_true_default, "True"),
        (has_a_wrong_item, "'x[0]'"), (has_a_date_without_annotation, "annotate"),
        (has_an_object_without_annotation, "annotate"),
    ],
)  # fmt: skip
def test_a_signature_that_nothing_can_be_sent_to_is_refused(made: Callable[..., Any], said: str):
    """When the pipeline is defined, not when it runs."""
    assert said in undefined(made)


def test_a_default_that_a_union_reads_back_otherwise_is_kept_apart():
    """A resumed run must have the same parameters as its first attempt."""
    params = converted(has_an_ambiguous_union)

    assert converted(has_an_ambiguous_union, **stored_params(params)) == params


def test_a_default_list_is_not_shared_between_runs():
    """A pipeline function that changes its list changes it for one run."""

    def run(tags: list[str] = ["a"]): ...  # noqa: B006

    converted(run)["tags"].append("b")

    assert converted(run) == {"tags": ["a"]}


def test_a_plain_call_gets_now_for_the_logical_date():
    """A pipeline called as a function stands for the moment of the call."""

    @pipeline
    def run(n: int, day: date = logical_date(), time: datetime = logical_date()) -> Any:
        return n, day, time

    before = datetime.now(UTC)

    n, day, time = run(1)
    assert (n, day) == (1, time.date())
    assert before <= time <= datetime.now(UTC)


def test_a_plain_call_keeps_what_it_is_given():
    """By place or by name, converted or not: it is Python."""

    @pipeline
    def run(n: Any, day: date = logical_date()) -> Any:
        return n, day

    assert run(object, date(2013, 1, 1)) == (object, date(2013, 1, 1))
    assert run(n=1, day=date(2013, 1, 1)) == (1, date(2013, 1, 1))


def test_a_plain_call_needs_no_supported_annotations():
    """A pipeline used inside another one may take tables."""

    @pipeline
    def run(table: bytes) -> Any:
        return table

    assert with_logical_date_now(run, (b"x",), {}) == {}
    assert run(b"x") == b"x"


def test_a_pipeline_inside_another_is_given_its_date():
    """'Now' would be another constant at each attempt, and all that depends on it would run again."""

    class Recorder:
        def record(self, step: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return kwargs

    @step
    def load(day: date) -> Any: ...

    @pipeline
    def inner(day: date = logical_date()) -> Any:
        return load(day=day)

    token = recorder.set(Recorder())
    try:
        with pytest.raises(DefinitionError, match=r"inner\(day=day\)"):
            inner()
        assert inner(date(2013, 1, 1)) == {"day": date(2013, 1, 1)}
    finally:
        recorder.reset(token)
