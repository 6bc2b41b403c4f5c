"""What a step prints, logs and warns becomes lines with the labels of its run."""

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from pplns import Retry, RetryableError, current_run, pipeline, step
from pplns.logs.capture import Capture, active, capturing
from pplns.logs.lines import new_line
from pplns.logs.outputs import JsonOutput, TextOutput, open_output
from pplns.logs.places import here, trace_of, traced

LABELS = "logging.googleapis.com/labels"


def pipeline_of(function, **options):
    """Return a pipeline of one step."""
    one = step(**options)(function)

    def talk():
        return one()

    return pipeline(talk)


def test_each_way_of_saying_carries_the_labels(heard, monkeypatch):
    """print, stderr, any logger, warnings, and a thread of the step."""

    def load():
        print("printed")
        print("to stderr", file=sys.stderr)
        logging.getLogger("a.library").info("by a library")
        current_run().logger.warning("by the run's logger")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("careful", UserWarning, stacklevel=1)
        thread = threading.Thread(target=print, args=("in a thread",))
        thread.start()
        thread.join()
        return 1

    monkeypatch.setattr(warnings, "showwarning", lambda *shown: None)  # that of pytest
    heard.run(pipeline_of(load))

    assert [(line["severity"], line["message"]) for line in heard.said] == [
        ("INFO", "printed"), ("INFO", "to stderr"), ("INFO", "by a library"), ("WARNING", "by the run's logger"),
        ("WARNING", "UserWarning: careful"), ("INFO", "in a thread"),
    ]  # fmt: skip
    labels = {"pplns_pipeline": "talk", "pplns_run_id": "heard", "pplns_attempt": "1", "pplns_step": "load"}
    assert all(line[LABELS] == labels for line in heard.said)


def test_steps_in_a_row_are_heard_each_by_its_name(heard):
    """Whichever thread runs them, and whichever of them decides that the next one may start."""

    @step
    def speak(n: int) -> int:
        print("spoken")
        return n + 1

    @pipeline
    def chain():
        return speak(speak(speak(0)))

    heard.run(chain)

    labels = [(line["message"], line[LABELS]["pplns_step"]) for line in heard.said]
    assert labels == [("spoken", "speak"), ("spoken", "speak_2"), ("spoken", "speak_3")]


def test_a_logger_of_its_own_is_heard_once(heard):
    """Its handler to stderr gets the record; the same text isn't a second line."""
    logger = logging.getLogger("of.its.own")
    logger.propagate = False

    def load():
        handler = logging.StreamHandler()  # to the stderr that is captured
        logger.addHandler(handler)
        logger.warning("once")
        logger.removeHandler(handler)
        return 1

    heard.run(pipeline_of(load))

    assert [line["message"] for line in heard.said] == ["once"]


def test_threads_of_a_pool_speak_for_the_step(heard):
    """A pool that a step makes works for that step."""

    def load():
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(print, ["one", "two"]))
        return 1

    heard.run(pipeline_of(load))

    assert sorted(line["message"] for line in heard.said) == ["one", "two"]


def test_threads_do_not_share_lines(heard):
    """Two steps that print pieces at the same time get whole lines."""
    met = threading.Barrier(2, timeout=20)

    @step
    def speak(name: str) -> str:
        for part in ("a", "b", "c"):
            print(f"{name}-{part} ", end="")
            met.wait()
        return name

    @pipeline
    def talk():
        return [speak("x"), speak("y")]

    heard.run(talk)

    assert sorted(line["message"] for line in heard.said) == ["x-a x-b x-c ", "y-a y-b y-c "]


def test_bytes_are_lines_without_secrets(heard, hide):
    """What a step writes to `sys.stdout.buffer`, the output of a command say, in pieces and in any encoding."""
    hide("geheim-ü-7")

    def copy():
        for piece in (b"row geheim-\xc3", b"\xbc-7 \xff\n", memoryview(b"end")):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.writelines([b"ed\n"])
        return 1

    heard.run(pipeline_of(copy))

    assert [line["message"] for line in heard.said] == [r"row [hidden] \xff", "ended"]
    assert all(line[LABELS]["pplns_step"] == "copy" for line in heard.said)


def test_a_step_closes_nobodys_stream(heard):
    """Other steps, other runs and the record go the same way."""

    def close():
        sys.stdout.buffer.close()
        sys.stdout.close()
        print("still heard")

    record = heard.run(pipeline_of(close))

    assert record.state == "succeeded"
    assert [line["message"] for line in heard.said] == ["still heard"]


def test_a_step_may_put_a_text_stream_before_the_bytes(heard):
    """The idioms for another encoding: such a stream closes what is below it when it is collected, some time later."""
    streams = []

    def encode():
        for below in (sys.stdout.buffer, sys.stdout.detach()):
            streams.append(io.TextIOWrapper(below, encoding="utf-8", write_through=True))
            print("größer", file=streams[-1])
        return 1

    with capturing(Capture(JsonOutput(heard.stdout))):
        for _ in range(2):
            heard.runs.run(pipeline_of(encode))
            while streams:
                streams.pop().close()

    assert [line["message"] for line in heard.said] == ["größer"] * 4


def test_who_puts_back_the_streams_of_python_is_heard_from_the_next_step_on(heard, monkeypatch):
    """A habit after a redirection, and what functions-framework does after each request that it labels."""
    monkeypatch.setattr(sys, "__stdout__", sys.stdout)  # pytest's own, which stands there now

    @step
    def redirect() -> int:
        sys.stdout = io.StringIO()
        print("aside")
        sys.stdout = sys.__stdout__
        return 1

    @step
    def speak(n: int) -> int:
        print("heard")
        return n

    @pipeline
    def habits():
        return speak(redirect())

    heard.run(habits)

    assert [line["message"] for line in heard.said] == ["heard"]


def test_a_stream_that_a_step_put_there_stays(heard):
    """What is printed into it isn't the log's, in whichever step."""
    buffer = io.StringIO()

    @step
    def redirect() -> int:
        sys.stdout = buffer
        return 1

    @step
    def speak(n: int) -> int:
        print("aside")
        return n

    @pipeline
    def habits():
        return speak(redirect())

    with contextlib.redirect_stdout(sys.stdout):
        heard.run(habits)

    assert (buffer.getvalue(), heard.said) == ("aside\n", [])


def test_what_cannot_be_shown_ends_no_step(heard):
    """Python's own handlers write such a mistake to stderr and go on."""

    class Mute:
        def __str__(self):
            raise RuntimeError("no words")

        __repr__ = __str__

    def say():
        log = logging.getLogger("mute")
        log.propagate = False  # to the handler of pytest, which raises
        log.warning("one %s", Mute())
        log.warning(Mute())
        return 1

    record = heard.run(pipeline_of(say))

    assert record.state == "succeeded"
    assert [("Mute" in line["message"], "RuntimeError: no words" in line["message"]) for line in heard.said] == [
        (False, True), (True, True),
    ]  # fmt: skip


def test_prints_outside_of_steps_pass(heard, capsys):
    """Only steps are heard."""
    with capturing(Capture(JsonOutput(heard.stdout))):
        print("outside")

    assert (capsys.readouterr().out, heard.lines) == ("outside\n", [])


def test_a_progress_bar_is_what_it_came_to(heard):
    """Of what overwrites its line, the last state is a line."""

    def load():
        print("10 %\r50 %\r100 %")
        print()
        return 1

    heard.run(pipeline_of(load))

    assert [line["message"] for line in heard.said] == ["100 %"]


def test_events_are_entries_with_fields(heard):
    """Log-based metrics match them: starts, retries, failures, the end of the run."""
    calls = []

    def load():
        calls.append(1)
        if len(calls) == 1:
            raise RetryableError("not yet")
        raise ValueError("no price")

    heard.run(pipeline_of(load, retry=Retry(attempts=2, delay=0)))

    assert [line["pplns_event"] for line in heard.lines] == [
        "attempt_started", "step_started", "step_retrying", "step_started", "step_failed", "attempt_ended", "run_ended",
    ]  # fmt: skip
    failed, ended = heard.event("step_failed"), heard.event("run_ended")
    assert (failed["severity"], failed["error"]["code"]) == ("ERROR", "step_failed")
    assert failed["stack_trace"].endswith("ValueError: no price")
    wanted = {"severity": "ERROR", "state": "failed", "final": True, "pipeline": "talk", "run_id": "heard"}
    assert wanted.items() <= ended.items()


def test_a_finished_step_has_its_measures(heard):
    """Rows, bytes and seconds are fields."""

    def load():
        return "abc"

    heard.run(pipeline_of(load))

    assert {"rows", "bytes", "duration_s"} <= heard.event("step_finished").keys()
    assert heard.event("run_ended")["severity"] == "INFO"


def test_a_trace_reaches_the_steps(heard):
    """The request's trace is that of all its lines, in the project of the service."""

    def load():
        print("traced")
        return 1

    with traced(trace_of({"x-cloud-trace-context": "105445aa7843bc8bf206b12000100000/1;o=1"})):
        heard.run(pipeline_of(load))

    expected = "projects/shop-1/traces/105445aa7843bc8bf206b12000100000"
    assert {line["logging.googleapis.com/trace"] for line in heard.lines} == {expected}


def test_secrets_are_in_no_line_chunk_or_record(heard, hide):
    """Printed in pieces, logged, raised: the value is nowhere."""
    hide("s3cret/välue")

    def load():
        print("s3cret", end="")
        print("/välue")
        current_run().logger.info("%r", {"password": "s3cret/välue"})
        print("https://x?key=s3cret%2Fv%C3%A4lue")
        raise ValueError("refused s3cret/välue")

    talk = pipeline_of(load)
    record = heard.run(talk)

    texts = [heard.stdout.getvalue(), str(record.as_json()), str(heard.kept(talk))]
    texts += [str(heard.store.read(f"talk/runs/heard/attempts/{record.attempt}.json"))]
    assert all("[hidden]" in text for text in texts)
    assert not any("s3cret" in text for text in texts)


def test_the_interpreter_is_left_as_it_was():
    """Streams, loggers, warnings and threads are put back."""
    before = (sys.stdout, sys.stderr, logging.Logger.callHandlers, warnings.showwarning, threading.Thread.start)

    with capturing(Capture(None)):
        assert active() is not None
        assert sys.stdout is not before[0]

    assert active() is None
    after = (sys.stdout, sys.stderr, logging.Logger.callHandlers, warnings.showwarning, threading.Thread.start)
    assert after == before


def test_a_plain_call_and_a_run_of_the_kit_are_not_heard(heard, capsys):
    """Who doesn't turn the capture on finds the interpreter as it is."""

    def load():
        print(type(sys.stdout).__name__)
        return 1

    heard.runs.run(pipeline_of(load))

    assert "CapturedStream" not in capsys.readouterr().out
    assert heard.store.children("talk/runs/") == [
        name for name in heard.store.children("talk/runs/") if not heard.store.children(f"talk/runs/{name}logs/")
    ]


def test_a_step_that_has_ended_is_no_place(heard):
    """A thread that outlives its step isn't counted to the run."""
    go, threads = threading.Event(), []

    def load():
        thread = threading.Thread(target=lambda: (go.wait(20), print("too late")))
        thread.start()
        threads.append(thread)
        return 1

    with capturing(Capture(JsonOutput(heard.stdout))):
        heard.runs.run(pipeline_of(load))
        go.set()
        threads[0].join()

    assert heard.said == []


def test_a_stream_that_breaks_ends_no_run(heard):
    """A reader that has left takes no run with it."""
    heard.stdout.close()

    def load():
        print("into nothing")
        return 1

    assert heard.run(pipeline_of(load)).state == "succeeded"


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "log_format", "is_on_cloud_run", "expected"),
    [
        (io.StringIO, "auto", True, JsonOutput), (io.StringIO, "auto", False, TextOutput),
        (Terminal, "auto", True, TextOutput), (Terminal, "json", False, JsonOutput),
        (io.StringIO, "text", True, TextOutput),
    ],
)  # fmt: skip
def test_the_format_fits_the_reader(stream, log_format, is_on_cloud_run, expected):
    """JSON on Cloud Run, text for people, unless the setting says otherwise."""
    output = open_output(stream(), log_format, is_on_cloud_run=is_on_cloud_run, project=None, sends=False)

    assert type(output) is expected


def test_only_a_terminal_has_colours(heard):
    """A file holds plain text, a terminal an error in red; what would steer it is made visible."""

    def load():
        logging.getLogger("x").error("bad\x1b[2J")
        return 1

    shown = []
    for number, stream in enumerate([Terminal(), io.StringIO()]):
        with capturing(Capture(open_output(stream, "auto", is_on_cloud_run=False, project=None, sends=False))):
            heard.runs.run(pipeline_of(load), run_id=f"r{number}")
        shown += [line for line in stream.getvalue().splitlines() if "bad" in line]

    assert shown[0].startswith("\x1b[31m")
    assert shown[0].endswith("talk/r0 load  bad\\x1b[2J\x1b[0m")
    assert shown[1].endswith("ERROR    talk/r1 load  bad\\x1b[2J")


def test_a_terminal_has_no_colours_where_none_are_wanted():
    """NO_COLOR, as commands honour it."""
    stream = Terminal()
    output = open_output(stream, "auto", is_on_cloud_run=False, project=None, sends=False, no_color=True)

    output.write(new_line("ERROR", "bad"), "")

    assert stream.getvalue().endswith("ERROR    bad\n")


def test_the_library_of_the_cloud_is_not_imported_unless_asked_for():
    """google-cloud-logging costs the start of who doesn't use it nothing."""
    code = "import sys, pplns.engine.run_log; print({'google.cloud.logging', 'google.auth'} & set(sys.modules))"

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "set()"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, as multiprocessing may on POSIX")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_is_outside_of_the_step(heard):
    """It has the step's locks and buffers, but not the threads that would free them."""
    seen = []

    def load():
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, b"outside" if here() is None else b"inside")
            os._exit(0)
        os.waitpid(child, 0)
        seen.append(os.read(reader, 20))
        os.close(reader)
        os.close(writer)
        return 1

    heard.run(pipeline_of(load))

    assert seen == [b"outside"]


def test_a_stream_in_another_encoding_gets_ascii(heard):
    """JSON stays JSON."""
    taken = io.BytesIO()
    heard.stdout = io.TextIOWrapper(taken, encoding="latin-1")

    def load():
        print("Łódź")
        return 1

    heard.run(pipeline_of(load))

    assert "Łódź" in [json.loads(line)["message"] for line in taken.getvalue().splitlines()]
