"""Schedule and PubSub: what Cloud Scheduler and Pub/Sub take, refused where it is written."""

from typing import Any

import pytest

from pplns import DefinitionError, PubSub, Schedule
from pplns.model.time_zones import iana_name


@pytest.mark.parametrize(
    "cron",
    [
        "* * * * *", "0 6 * * *", "*/5 0-23/2 1,15 * 1-5", "59 23 31 12 7", "0 0 1 JAN,jul SUN", "0 0 * * FRI-SUN",
        "0 0 * * 0,7", "  0   6 * * *  ", "5/15 * * * *",
    ],
)  # fmt: skip
def test_a_cron_line_of_five_fields_is_taken(cron: str) -> None:
    """Numbers, names, ranges, steps and lists, as Cloud Scheduler reads them."""
    assert Schedule(cron).cron == cron


@pytest.mark.parametrize(
    ("cron", "field"),
    [
        ("60 * * * *", "minute"), ("-1 * * * *", "minute"), ("* 24 * * *", "hour"), ("* * 0 * *", "day of month"),
        ("* * 32 * *", "day of month"), ("* * * 13 *", "month"), ("* * * FOO *", "month"), ("* * * * 8", "day of week"),
        ("* * * * MON#1", "day of week"), ("* * L * *", "day of month"), ("* * ? * *", "day of month"),
        ("*/0 * * * *", "minute"), ("5-1 * * * *", "minute"), ("1,,2 * * * *", "minute"), ("*-5 * * * *", "minute"),
        ("JAN * * * *", "minute"), ("* * * * SAT-MON", "day of week"), ("\u0665 * * * *", "minute"),
    ],
)  # fmt: skip
def test_a_field_out_of_range_is_named(cron: str, field: str) -> None:
    """The error says which of the five fields is wrong, and its range."""
    with pytest.raises(DefinitionError, match=f"as its {field}") as raised:
        Schedule(cron)

    assert repr(cron) in raised.value.met


@pytest.mark.parametrize("cron", ["", "* * * *", "* * * * * *", "@daily", "every 5 minutes", None, 5, ["0 6 * * *"]])
def test_what_has_not_five_fields_is_refused(cron: Any) -> None:
    """Seconds, macros and Google's English form are not unix-cron."""
    with pytest.raises(DefinitionError, match="is no cron line"):
        Schedule(cron)


@pytest.mark.parametrize("timezone", ["America/New_Yrok", "", "EST5EDT4", "../etc/passwd", "/etc/localtime", 5, None])
def test_an_unknown_time_zone_is_refused(timezone: Any) -> None:
    """By its name, with the IANA form."""
    with pytest.raises(DefinitionError, match=r"which isn't known here.*America/New_York"):
        Schedule("0 6 * * *", timezone)


@pytest.mark.parametrize(
    "timezone", ["localtime", "posixrules", "Factory", "posix/Europe/Berlin", "right/UTC", "Posix/UTC"]
)
def test_a_time_zone_of_one_machine_is_none_of_ianas(timezone: str) -> None:
    """Files that lie beside those of zones: Scheduler and the container have others, or none."""
    assert iana_name(timezone) is None
    with pytest.raises(DefinitionError, match=r"time zone '.*America/New_York"):
        Schedule("0 6 * * *", timezone)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("europe/berlin", "Europe/Berlin"), ("AMERICA/argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("Asia/Tokyo", "Asia/Tokyo"), ("Etc/GMT+5", "Etc/GMT+5"), ("Asia/Nowhere", None),
    ],
)  # fmt: skip
def test_a_time_zone_is_named_as_iana_writes_it(given: str, name: str | None) -> None:
    """macOS and Windows find the file of a zone by any case."""
    assert iana_name(given) == name


def test_without_files_of_zones_those_of_the_package_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows; there the names are in a list."""
    pytest.importorskip("tzdata", reason="the names are in the package tzdata")
    monkeypatch.setattr("zoneinfo.TZPATH", ())

    assert (iana_name("europe/berlin"), iana_name("Asia/Nowhere")) == ("Europe/Berlin", None)


@pytest.mark.parametrize("topic", ["orders-landed", "abc", "a" * 255, "projects/my-project-1/topics/orders"])
def test_a_topic_is_taken_alone_or_in_full(topic: str) -> None:
    """A short name is made when deploying; a full one exists."""
    assert PubSub(topic).topic == topic


@pytest.mark.parametrize(
    "topic",
    ["", "ab", "a" * 256, "1orders", "google-orders", "orders landed", "projects/p/topics/orders", "topics/x", 5, None],
)
def test_what_names_no_topic_is_refused(topic: Any) -> None:
    """Pub/Sub's own rules for names, before deploying."""
    with pytest.raises(DefinitionError, match="names no topic"):
        PubSub(topic)


@pytest.mark.parametrize(
    "trigger", [lambda **more: Schedule("0 6 * * *", **more), lambda **more: PubSub("abc", **more)]
)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"params": "region=us"}, "has params='region=us'"),
        ({"params": {1: "us"}}, "has params={1: 'us'}"),
        ({"params": None}, "has params=None"),
        ({"name": ""}, "has name=''"),
        ({"name": "two words"}, "has name='two words'"),
        ({"name": 5}, "has name=5"),
        ({"name": "x" * 41}, "has name='xxx"),
    ],
)
def test_wrong_params_and_names_are_refused(trigger: Any, options: dict[str, Any], message: str) -> None:
    """The error names the trigger and the option."""
    with pytest.raises(DefinitionError) as raised:
        trigger(**options)

    assert message in raised.value.met


@pytest.mark.parametrize("text", ["", " ", 5, b"x", "é" * 129])
def test_what_is_no_filter_is_refused(text: Any) -> None:
    """A filter is text of at most 256 bytes."""
    with pytest.raises(DefinitionError, match=r"has filter=.*at most 256 bytes"):
        PubSub("abc", filter=text)


def test_the_params_of_a_trigger_are_a_copy_that_stays() -> None:
    """A dict that is shared between triggers and changed later changes neither."""
    params = {"region": "us"}
    trigger = PubSub("abc", params=params)

    params["region"] = "eu"

    assert trigger.params == {"region": "us"}
    with pytest.raises(TypeError):
        trigger.params["region"] = "eu"  # type: ignore[index]
