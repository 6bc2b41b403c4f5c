"""What waits for a module is done once the module is there, and nobody who imports it notices."""

import importlib
import importlib.util
import subprocess
import sys
import threading
from importlib.machinery import SourceFileLoader

import pytest

from pplns.logs.arrival import once_imported

LATE = """
import sys
loaders = [type(__loader__), type(__spec__.loader)]
done = len(sys.modules["{known}"].done)
"""


@pytest.fixture
def late(tmp_path, monkeypatch):
    """The name of a package that nothing has imported; `done` is empty while its code runs."""
    name = f"late_{tmp_path.name}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(LATE.format(known=__name__))
    (tmp_path / name / "below.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path)
    done.clear()
    yield name
    for one in (name, f"{name}.below"):
        sys.modules.pop(one, None)


done: list[str] = []


def act():
    """Do the thing."""
    done.append("done")


def test_it_is_done_at_once_where_the_module_is():
    """And no finder waits."""
    done.clear()
    finders = sys.meta_path

    once_imported("json", act)

    assert done == ["done"]
    assert sys.meta_path is finders


@pytest.mark.parametrize("imported", ["{}", "{}.below"])
def test_it_is_done_between_the_modules_code_and_who_imports_it(late, imported):
    """Whether the import names the module or one below it; its code meets the loader that it always has."""
    once_imported(late, act)

    importlib.import_module(imported.format(late))

    module = sys.modules[late]
    assert done == ["done"]
    assert (module.done, module.loaders) == (0, [SourceFileLoader] * 2)
    assert type(module.__loader__) is type(module.__spec__.loader) is SourceFileLoader


def test_it_is_done_once(late):
    """Not when the module is read again, nor when it is imported anew."""
    once_imported(late, act)

    importlib.reload(importlib.import_module(late))
    del sys.modules[late]
    importlib.import_module(late)

    assert done == ["done"]


def test_an_import_that_fails_is_as_if_it_had_not_been(late, tmp_path):
    """The next one counts."""
    code = tmp_path / late / "__init__.py"
    whole = code.read_text()
    code.write_text("raise RuntimeError('not yet, which makes it another size')")
    once_imported(late, act)

    with pytest.raises(RuntimeError, match="not yet"):
        importlib.import_module(late)
    assert (done, late in sys.modules) == ([], False)

    code.write_text(whole)
    importlib.import_module(late)
    assert done == ["done"]


def test_called_off_it_is_not_done(late):
    """The finders are those that were there."""
    finders = list(sys.meta_path)

    once_imported(late, act)()

    assert sys.meta_path == finders
    assert importlib.import_module(late).done == 0
    assert done == []


def test_a_list_of_finders_is_never_changed(late):
    """Another thread may be going through it."""
    before = sys.meta_path
    finders = list(before)

    call_off = once_imported(late, act)
    during = sys.meta_path
    importlib.import_module(late)
    call_off()

    assert before == finders
    assert during[1:] == finders
    assert sys.meta_path == finders


def test_two_who_wait_are_served_in_their_order(late):
    """The capture of a run hears before its lines are shown."""
    once_imported(late, lambda: done.append("first"))
    once_imported(late, lambda: done.append("second"))

    module = importlib.import_module(late)

    assert done == ["first", "second"]
    assert type(module.__loader__) is SourceFileLoader


def test_an_import_in_two_threads_is_one(late):
    """Both get the module when the thing is done."""
    begun = threading.Barrier(2, timeout=20)
    once_imported(late, act)

    def load():
        begun.wait()
        importlib.import_module(late)
        seen.append(list(done))

    seen: list[list[str]] = []
    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [["done"], ["done"]]


def test_calling_it_off_waits_for_what_has_begun(late):
    """So whoever undoes what was done finds all of it."""
    caller = threading.Thread(target=lambda: (call_off(), done.append("called off")))

    def begin():
        caller.start()
        caller.join(0.1)
        done.append("done")

    call_off = once_imported(late, begin)
    importlib.import_module(late)
    caller.join()

    assert done == ["done", "called off"]


@pytest.mark.parametrize("is_there", [False, True])
def test_what_goes_wrong_is_printed_and_ends_nothing(late, is_there, capsys):
    """A step that imports a module of Python's must not fail for what waited for it."""
    if is_there:
        importlib.import_module(late)

    def fail():
        raise RuntimeError("no room")

    once_imported(late, fail)

    assert importlib.import_module(late).done == 0
    assert capsys.readouterr().err.count("RuntimeError: no room") == 1


def test_an_interruption_ends_the_import(late):
    """Ctrl-C does so at any line; the next import makes up for it."""

    def interrupted():
        act()
        if len(done) == 1:
            raise KeyboardInterrupt

    once_imported(late, interrupted)

    with pytest.raises(KeyboardInterrupt):
        importlib.import_module(late)
    assert late not in sys.modules
    importlib.import_module(late)
    assert done == ["done", "done"]


def test_a_copy_made_by_hand_is_not_the_module(late):
    """Its loader is as good as the one that is meant."""
    once_imported(late, act)

    spec = importlib.util.find_spec(late)
    copy = importlib.util.module_from_spec(spec)
    source = spec.loader.get_source(late)
    spec.loader.exec_module(copy)

    assert "loaders" in source
    assert (done, copy.loaders) == ([], [SourceFileLoader] * 2)


@pytest.mark.parametrize("stands_first", [True, False])
def test_other_finders_that_ask_around_are_met(late, stands_first):
    """As those do which measure or trace the imports of libraries; one of the old kind is passed over."""

    class Asks:
        asking = False

        def find_spec(self, name, path=None, target=None):
            if self.asking or name != late:
                return None
            self.asking = True
            return importlib.util.find_spec(name)

    if not stands_first:
        sys.meta_path = [Asks(), object(), *sys.meta_path]
    once_imported(late, act)
    if stands_first:
        sys.meta_path = [Asks(), *sys.meta_path]

    assert type(importlib.import_module(late).__loader__) is SourceFileLoader
    assert done == ["done"]


def test_a_capture_that_is_left_open_ends_with_the_interpreter():
    """A server that is told to end never leaves the block; by then there are no finders any more."""
    program = (
        "from pplns.logs.capture import Capture, capturing\n"
        "left_open = capturing(Capture(None))\n"
        "left_open.__enter__()\n"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stderr == ""
