"""Source is parsed the same by many threads at once as by one."""

import ast
import contextlib
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from pplns import parsing

SOURCE = Path(parsing.__file__).read_bytes() * 20  # long enough for threads to take turns in it


class Switching:
    """Rubbish in a cycle: its collector runs Python code in the middle of another thread's parsing."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        sum(range(100))


@pytest.fixture
def hurried() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hurried")
def test_threads_that_parse_otherwise_do_not_disturb_it() -> None:
    ends: list[object] = []
    expected = len(ast.parse(SOURCE).body)

    def parse_elsewhere() -> None:
        while not ends:
            Switching()
            with contextlib.suppress(SystemError):  # Python 3.11's own fault, which the user's threads may meet
                ast.parse(SOURCE)

    def parse_ours() -> None:
        try:
            for _ in range(150):
                Switching()
                assert len(parsing.parse_source(SOURCE, "ours.py").body) == expected
            ends.append("the same trees")
        except BaseException as error:
            ends.append(error)

    threads = [threading.Thread(target=work) for work in (parse_ours, parse_elsewhere, parse_elsewhere)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == ["the same trees"]


@pytest.mark.usefixtures("hurried")
def test_the_filters_of_warnings_stay_as_they_were() -> None:
    threads = [
        threading.Thread(target=lambda: [parsing.parse_source(b'a = "\\d"\n', "ours.py") for _ in range(500)])
        for _ in range(4)
    ]
    with warnings.catch_warnings(record=True) as seen:
        before = [*warnings.filters]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (seen, [*warnings.filters]) == ([], before)


def test_a_file_that_does_not_parse_is_named() -> None:
    with pytest.raises(SyntaxError, match=r"broken\.py"):
        parsing.parse_source(b"def (:\n", Path("broken.py"))
