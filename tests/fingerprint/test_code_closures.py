"""Digests of what only memory tells: closures, factories, lambdas, methods, functions without source."""

import importlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pplns.fingerprint import CodeDigests

FACTORY = """
from functools import partial, wraps
import threading
from pplns import step
import helper

def make(n, k=None):
    @step
    def run(x):
        return x + n
    return run

def make_default(n):
    def run(x, n=n):
        return x + n
    return run

def make_nested(n):
    def outer():
        def run(x):
            return inner(x)
        def inner(x):
            return x + n
        return run
    return outer()

def make_class(n):
    class Adder:
        def add(self, x):
            return x + n
    def run(x):
        return Adder().add(x)
    return run

def make_import(n):
    import helper as h
    def run(x):
        return h.f(x)
    return run

def repeated(n):
    def deco(f):
        @wraps(f)
        def inner(x):
            return [f(x) for _ in range(n)]
        return inner
    return deco

def make_decorated(n):
    @step
    @repeated(n)
    def run(x):
        return x
    return run

def make_partial(n):
    return partial(plain, n)

def make_lambda(n):
    return lambda x: x + n

def plain(n, x):
    return x + n

def apply(f):
    def run(x):
        return f(x)
    return run

class Service:
    def __init__(self, n):
        self.n = n
    def work(self, x):
        return x + 1

ADDERS = [lambda x, n=n: x + n for n in range(2)]
PAIR = (lambda x: x + 1, lambda x: x + 2)
LOOPED = []
for number in range(2):
    def looped(x, number=number):
        return x + number
    LOOPED.append(looped)
"""
HELPER = "def f(x): return x"
FACTORIES = ["make", "make_default", "make_nested", "make_class", "make_decorated", "make_partial", "make_lambda"]


@pytest.fixture
def factory(project):
    project.write({"factory.py": FACTORY, "helper.py": HELPER})
    return lambda name: project.load(f"factory:{name}")


@pytest.mark.parametrize("name", FACTORIES)
def test_steps_of_a_factory_differ_by_what_they_were_made_with(factory, project, name):
    """What a step closes over counts by value: the same value is the same step, another is another."""
    make, code = factory(name), CodeDigests(project.root)

    digests = [code.of(make(n)) for n in (1, 2, 1)]

    assert digests[0] == digests[2] != digests[1]


@pytest.mark.parametrize("name", ["ADDERS", "PAIR", "LOOPED"])
def test_functions_written_in_one_place_are_told_apart(factory, project, name):
    """Two lambdas of one line and two functions of one loop are four different functions."""
    first, second = factory(name)
    code = CodeDigests(project.root)

    assert code.of(first) != code.of(second)


def test_a_module_in_a_closure_is_followed_by_name(factory, project):
    """`h.f` of a module that a factory imported counts as the function it is."""
    first = CodeDigests(project.root).of(factory("make_import")(1))

    project.write({"helper.py": "def f(x): return -x"})

    assert CodeDigests(project.root).of(factory("make_import")(1)) != first


def test_a_client_in_a_closure_counts_by_its_type(factory, project):
    """What has no lasting value, a client say, is the same in every process."""
    make, code = factory("make"), CodeDigests(project.root)

    assert code.of(make(threading.Lock())) == code.of(make(threading.Lock())) != code.of(make(threading.Event()))


def test_a_function_in_a_closure_counts_by_its_code(factory, project):
    """A callback is followed like any function."""
    apply, (one, other) = factory("apply"), factory("PAIR")
    code = CodeDigests(project.root)

    assert code.of(apply(one)) != code.of(apply(other))


def test_a_bound_method_counts_with_its_class(factory, project):
    """A method's digest covers its class; an instance that is no value counts by its type."""
    service = factory("Service")
    first = CodeDigests(project.root).of(service(1).work)

    project.write({"factory.py": FACTORY.replace("return x + 1\n\nADDERS", "return x + 3\n\nADDERS")})

    assert CodeDigests(project.root).of(factory("Service")(1).work) != first


def test_a_function_without_source_counts_by_its_bytecode(project):
    """Functions made by exec differ by what they do and by the helpers they call."""
    sources = ["def h(x): return x\ndef run(x): return h(x)", "def h(x): return -x\ndef run(x): return h(x)"]
    made = [exec_function(source) for source in (*sources, sources[0])]
    code = CodeDigests(project.root)

    digests = [code.of(function) for function in made]

    assert digests[0] == digests[2] != digests[1]


def exec_function(source):
    names = {}
    exec(source, names)
    return names["run"]


def test_a_step_of_a_library_counts_by_its_own_source(project, tmp_path_factory, monkeypatch):
    """A step that was installed changes with its own text, not with what it calls."""
    library = tmp_path_factory.mktemp("library")
    monkeypatch.syspath_prepend(str(library))
    versions = ["x", "-x", "x"]
    digests = []
    for helper, own in zip(("1", "1", "2"), versions, strict=True):
        (library / "bought.py").write_text(f"def h(): return {helper}\ndef run(x): return {own}, h()")
        digests.append(CodeDigests(project.root).of(load_fresh("bought").run))

    assert digests[0] == digests[2] != digests[1]


def load_fresh(name):
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_importing_the_package_is_cheap():
    """Neither ast nor anything that pulls it in is loaded before the first digest."""
    service = Path(__file__).parents[2] / "service"
    program = (
        "import sys; import pplns.fingerprint; print(sorted({'ast', 'inspect', 'dataclasses'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=service, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
