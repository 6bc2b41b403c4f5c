"""A log line is one JSON object in Cloud Logging's shape, whatever was said."""

import json
import logging
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns.logs.lines import MAX_LINE_BYTES, Line, Source, encode, line_of, new_line, severity_of
from pplns.logs.places import Place, Trace, trace_of, traced

NOW = datetime(2026, 1, 31, 6, tzinfo=UTC)
PLACE = Place("daily_sales", "january", 2, "load")
W3C = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FIELDS = st.dictionaries(
    st.text(max_size=8), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5)
)


def test_a_line_has_the_fields_that_the_cloud_reads():
    """Severity, time, labels, trace, span and source stand under the names that Cloud Logging knows."""
    trace = Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", is_sampled=True)
    line = Line(NOW, "INFO", "read 3 rows", PLACE, trace, Source("load.py", 7, "load"), fields={"rows": 3})

    assert json.loads(encode(line, project="shop-1")) == {
        "severity": "INFO", "message": "read 3 rows", "time": "2026-01-31T06:00:00+00:00",
        "logging.googleapis.com/labels": {
            "pplns_pipeline": "daily_sales", "pplns_run_id": "january", "pplns_step": "load", "pplns_attempt": "2",
        },
        "logging.googleapis.com/trace": "projects/shop-1/traces/4bf92f3577b34da6a3ce929d0e0e4736",
        "logging.googleapis.com/spanId": "00f067aa0ba902b7", "logging.googleapis.com/trace_sampled": True,
        "logging.googleapis.com/sourceLocation": {"file": "load.py", "line": "7", "function": "load"}, "rows": 3,
    }  # fmt: skip


@given(message=st.text(st.characters(), max_size=50), times=st.integers(1, 20_000), fields=FIELDS)
def test_any_text_is_one_line_that_fits(message, times, fields):
    """Valid JSON and UTF-8, at most 256 KB, without a line break, whatever characters it holds."""
    text = encode(new_line("INFO", message * times, place=PLACE, stack_trace=message * times, fields=fields))

    assert json.loads(text)["severity"] == "INFO"
    assert len(text.encode("utf-8")) <= MAX_LINE_BYTES
    assert "\n" not in text


def test_a_long_message_is_cut_between_characters():
    """Its beginning stays, and a mark says that there was more."""
    message = json.loads(encode(new_line("INFO", "é\U0001f600" * 200_000)))["message"]

    assert message.startswith("é\U0001f600é")
    assert message.endswith("(cut: a log line holds at most 256 KB)")
    assert len(message.encode()) > MAX_LINE_BYTES * 0.9


def test_long_fields_are_left_out_by_name():
    """The message stays whole."""
    entry = json.loads(encode(new_line("INFO", "kept", fields={"table": "x" * MAX_LINE_BYTES})))

    assert (entry["message"], entry["left_out"]) == ("kept", ["table"])


def test_a_field_can_not_take_the_place_of_our_own():
    """Labels and severity are pplns's to say."""
    entry = json.loads(encode(new_line("INFO", "x", place=PLACE, fields={"severity": "NONE", "mine": 1})))

    assert (entry["severity"], entry["mine"]) == ("INFO", 1)


def test_an_exception_brings_its_traceback():
    """Error Reporting finds it in `stack_trace`; a line break doesn't make two entries."""
    try:
        raise ValueError("no\nprice")
    except ValueError:
        record = logging.LogRecord("shop", logging.ERROR, "f.py", 3, "broken", None, sys.exc_info(), "load")

    entry = json.loads(encode(line_of(record, None)))

    assert entry["stack_trace"].startswith("Traceback (most recent call last):\n")
    assert entry["stack_trace"].endswith("ValueError: no\nprice")


def test_a_record_whose_arguments_do_not_fit_is_shown_all_the_same():
    """A mistake in a log call loses nothing."""
    record = logging.LogRecord("shop", logging.INFO, "f.py", 3, "%d rows", ("three",), None)

    assert line_of(record, None).message.startswith("'%d rows' with ('three',) (TypeError")


@pytest.mark.parametrize(
    ("level", "severity"), [(0, "DEFAULT"), (5, "DEBUG"), (20, "INFO"), (25, "INFO"), (35, "WARNING"), (60, "CRITICAL")]
)
def test_levels_between_the_standard_ones_take_the_lower_severity(level, severity):
    """Cloud Logging has no others."""
    assert severity_of(level) == severity


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"traceparent": W3C}, Trace("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", is_sampled=True)),
        (
            {"x-cloud-trace-context": "105445aa7843bc8bf206b12000100000/1;o=1"},
            Trace("105445aa7843bc8bf206b12000100000", "0000000000000001", is_sampled=True),
        ),
        (
            {"x-cloud-trace-context": "105445aa7843bc8bf206b12000100000/18446744073709551615"},
            Trace("105445aa7843bc8bf206b12000100000", "ffffffffffffffff"),
        ),
        ({"x-cloud-trace-context": "105445aa7843bc8bf206b12000100000"}, Trace("105445aa7843bc8bf206b12000100000")),
        (
            {"x-cloud-trace-context": "105445aa7843bc8bf206b12000100000/99999999999999999999"},
            Trace("105445aa7843bc8bf206b12000100000"),
        ),
        ({"traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01"}, None),
        ({"traceparent": "nonsense", "x-cloud-trace-context": "x"}, None),
        ({}, None),
    ],
)
def test_a_trace_is_read_from_the_request(headers, expected):
    """W3C's header gives the span in hex, Google's as a decimal number; what is malformed is absent."""
    assert trace_of(headers) == expected


@given(st.dictionaries(st.sampled_from(["traceparent", "x-cloud-trace-context"]), st.text()))
def test_no_header_breaks_a_request(headers):
    """A trace is a courtesy."""
    assert trace_of(headers) is None or isinstance(trace_of(headers), Trace)


def test_without_a_project_the_bare_trace_is_named():
    """It can still be searched for."""
    with traced(trace_of({"traceparent": W3C})):
        entry = json.loads(encode(new_line("INFO", "x")))

    assert entry["logging.googleapis.com/trace"] == "4bf92f3577b34da6a3ce929d0e0e4736"
