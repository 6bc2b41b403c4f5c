"""A capture that begins before anything has imported `logging` hears what is logged all the same."""

import subprocess
import sys

import pytest

# In a process of its own: here pytest has imported it long ago.
PROGRAM = """
import sys, threading
assert "logging" not in sys.modules
from pplns.logs.capture import Capture, capturing
from pplns.logs.places import Place, speak_from
kept = []
place = Place("talk", "r1", 1, "load", keep=kept.append)
finders = list(sys.meta_path)
def speak():
    speak_from(place)
    {speaks}
def in_thread(act):
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
{program}
"""
LOGS = "import logging.handlers; logging.getLogger('shop').warning('no price')"
PUT_BACK = """
import logging
print(logging.Logger.callHandlers.__qualname__, logging.getLogger().level, sys.meta_path == finders)
"""


def said_by(program: str, *, speaks: str = LOGS) -> list[str]:
    """Run a program and return what it printed."""
    code = PROGRAM.format(program=program, speaks=speaks)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, timeout=60)
    return ended.stdout.splitlines()


def test_the_first_record_is_heard():
    """It is that of the import, in the thread of a step."""
    said = said_by("with capturing(Capture(None)): in_thread(speak)\nprint(*kept)")

    assert len(said) == 1
    assert '"message":"no price"' in said[0]
    assert '"pplns_step":"load"' in said[0]


@pytest.mark.parametrize("speaks", [LOGS, "pass"])
def test_the_interpreter_is_left_as_it_was(speaks):
    """Wherever `logging` was imported, and if it never was: who imports it later is heard by nobody."""
    said = said_by(f"with capturing(Capture(None)): in_thread(speak)\n{PUT_BACK}", speaks=speaks)

    assert said == ["Logger.callHandlers 30 True"]


def test_what_is_only_printed_needs_no_logging():
    """Nor do warnings."""
    said = said_by(
        "with capturing(Capture(None)): in_thread(speak)\nprint(len(kept), 'logging' in sys.modules)",
        speaks="import warnings; print('one'); warnings.warn('two'); print('three', file=sys.stderr)",
    )

    assert said == ["one", "3 False"]
