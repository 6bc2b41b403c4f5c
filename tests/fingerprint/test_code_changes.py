"""What changes the digest of a step: all that it reaches by name in its project, and nothing else."""

import ast
from pathlib import Path

import pytest

import pplns
from pplns.fingerprint import CodeDigests
from pplns.fingerprint.pieces import read_piece

CHANGES = {
    "its own body": (
        {"main.py": "def run(x):\n    return x + 1"},
        {"main.py": "def run(x):\n    return x + 2"},
    ),
    "its own name": ({"main.py": "def f(): pass\nrun = f"}, {"main.py": "def g(): pass\nrun = g"}),
    "an annotation": ({"main.py": "def run(x: int): ..."}, {"main.py": "def run(x: float): ..."}),
    "a default": ({"main.py": "def run(x=1): return x"}, {"main.py": "def run(x=2): return x"}),
    "a keyword default": ({"main.py": "def run(*, x=1): ..."}, {"main.py": "def run(*, x=True): ..."}),
    "the order of terms": ({"main.py": "def run(a, b): return a - b"}, {"main.py": "def run(a, b): return b - a"}),
    "a global constant": (
        {"main.py": "RATE = 1\ndef run(x): return x * RATE"},
        {"main.py": "RATE = 2\ndef run(x): return x * RATE"},
    ),
    "a constant of a default": (
        {"main.py": "RATE = 1\ndef run(x=RATE): return x"},
        {"main.py": "RATE = 2\ndef run(x=RATE): return x"},
    ),
    "a constant of a constant": (
        {"main.py": "BASE = 1\nRATE = BASE + 1\ndef run(x): return x * RATE"},
        {"main.py": "BASE = 2\nRATE = BASE + 1\ndef run(x): return x * RATE"},
    ),
    "the function that makes a constant": (
        {"main.py": "def make(): return 1\nRATE = make()\ndef run(x): return x * RATE"},
        {"main.py": "def make(): return 2\nRATE = make()\ndef run(x): return x * RATE"},
    ),
    "a helper": (
        {"main.py": "def help(x): return x\ndef run(x): return help(x)"},
        {"main.py": "def help(x): return -x\ndef run(x): return help(x)"},
    ),
    "a helper passed on": (
        {"main.py": "def help(x): return x\ndef run(x): return map(help, x)"},
        {"main.py": "def help(x): return -x\ndef run(x): return map(help, x)"},
    ),
    "a helper of a comprehension": (
        {"main.py": "def help(x): return x\ndef run(xs): return [help(x) for x in xs]"},
        {"main.py": "def help(x): return -x\ndef run(xs): return [help(x) for x in xs]"},
    ),
    "a helper of an inner function": (
        {"main.py": "def help(x): return x\ndef run(x):\n    def inner(): return help(x)\n    return inner()"},
        {"main.py": "def help(x): return -x\ndef run(x):\n    def inner(): return help(x)\n    return inner()"},
    ),
    "another step that it calls": (
        {"main.py": "from pplns import step\n@step\ndef a(x): return x\ndef run(x): return a(x)"},
        {"main.py": "from pplns import step\n@step\ndef a(x): return -x\ndef run(x): return a(x)"},
    ),
    "a constant updated": (
        {"main.py": "T = {}\nT['a'] = 1\ndef run(x): return T[x]"},
        {"main.py": "T = {}\nT['a'] = 2\ndef run(x): return T[x]"},
    ),
    "a constant changed by a method": (
        {"main.py": "T = {}\nT.update(a=1)\ndef run(x): return T[x]"},
        {"main.py": "T = {}\nT.update(a=2)\ndef run(x): return T[x]"},
    ),
    "a constant changed by a function": (
        {"main.py": "import random\nT = [1, 2]\nrandom.shuffle(T)\ndef run(x): return T[x]"},
        {"main.py": "import random\nT = [1, 2]\nrandom.choice(T)\ndef run(x): return T[x]"},
    ),
    "a constant augmented": (
        {"main.py": "T = 1\nT += 1\ndef run(x): return T"},
        {"main.py": "T = 1\nT += 2\ndef run(x): return T"},
    ),
    "a constant unpacked": (
        {"main.py": "A, (B, *C) = 1, (2, 3)\ndef run(x): return C"},
        {"main.py": "A, (B, *C) = 1, (2, 4)\ndef run(x): return C"},
    ),
    "a constant inside if": (
        {"main.py": "import os\nif os.name:\n    T = 1\nelse:\n    T = 2\ndef run(x): return T"},
        {"main.py": "import os\nif os.name:\n    T = 1\nelse:\n    T = 3\ndef run(x): return T"},
    ),
    "the condition around a constant": (
        {"main.py": "T = 1\nif 1 > 2:\n    T = 2\ndef run(x): return T"},
        {"main.py": "T = 1\nif 2 > 1:\n    T = 2\ndef run(x): return T"},
    ),
    "a constant inside try": (
        {"main.py": "try:\n    T = 1\nexcept ValueError:\n    T = 2\ndef run(x): return T"},
        {"main.py": "try:\n    T = 1\nexcept KeyError:\n    T = 2\ndef run(x): return T"},
    ),
    "a loop that fills a constant": (
        {"main.py": "T = {}\nfor n in range(3):\n    T[n] = n\ndef run(x): return T"},
        {"main.py": "T = {}\nfor n in range(4):\n    T[n] = n\ndef run(x): return T"},
    ),
    "a constant bound by with": (
        {"main.py": "import io\nwith io.StringIO('a') as f:\n    T = f.read()\ndef run(x): return T"},
        {"main.py": "import io\nwith io.StringIO('b') as f:\n    T = f.read()\ndef run(x): return T"},
    ),
    "a constant bound by a walrus": (
        {"main.py": "if (T := 1):\n    pass\ndef run(x): return T"},
        {"main.py": "if (T := 2):\n    pass\ndef run(x): return T"},
    ),
    "a function that sets a global": (
        {"main.py": "def init():\n    global T\n    T = 1\ninit()\ndef run(x): return T"},
        {"main.py": "def init():\n    global T\n    T = 2\ninit()\ndef run(x): return T"},
    ),
    "a function put in a table by a decorator": (
        {"main.py": "T = {}\ndef put(f):\n    T[1] = f\n    return f\n@put\ndef a(): return 1\ndef run(x): return T"},
        {"main.py": "T = {}\ndef put(f):\n    T[1] = f\n    return f\n@put\ndef a(): return 2\ndef run(x): return T"},
    ),
    "a function registered for a type": (
        {
            "main.py": "import functools\n@functools.singledispatch\ndef f(x): ...\n"
            "@f.register\ndef _(x: int): return 1\ndef run(x): return f(x)"
        },
        {
            "main.py": "import functools\n@functools.singledispatch\ndef f(x): ...\n"
            "@f.register\ndef _(x: int): return 2\ndef run(x): return f(x)"
        },
    ),
    "the second of two functions of one name": (
        {"main.py": "def help(): return 1\ndef help(): return 2\ndef run(x): return help()"},
        {"main.py": "def help(): return 1\ndef help(): return 3\ndef run(x): return help()"},
    ),
    "a method of a class": (
        {"main.py": "class C:\n    def m(self): return 1\ndef run(x): return C().m()"},
        {"main.py": "class C:\n    def m(self): return 2\ndef run(x): return C().m()"},
    ),
    "an attribute of a class": (
        {"main.py": "class C:\n    rate = 1\ndef run(x): return C.rate"},
        {"main.py": "class C:\n    rate = 2\ndef run(x): return C.rate"},
    ),
    "a base class": (
        {"main.py": "class B:\n    def m(self): return 1\nclass C(B): ...\ndef run(x): return C().m()"},
        {"main.py": "class B:\n    def m(self): return 2\nclass C(B): ...\ndef run(x): return C().m()"},
    ),
    "a helper of a method": (
        {"main.py": "def h(): return 1\nclass C:\n    def m(self): return h()\ndef run(x): return C().m()"},
        {"main.py": "def h(): return 2\nclass C:\n    def m(self): return h()\ndef run(x): return C().m()"},
    ),
    "a constant that a class body shadows": (
        {"main.py": "rate = 1\nclass C:\n    rate = rate + 1\ndef run(x): return C.rate"},
        {"main.py": "rate = 2\nclass C:\n    rate = rate + 1\ndef run(x): return C.rate"},
    ),
    "the class of an instance": (
        {"main.py": "class C:\n    def m(self): return 1\nc = C()\ndef run(x): return c.m()"},
        {"main.py": "class C:\n    def m(self): return 2\nc = C()\ndef run(x): return c.m()"},
    ),
    "a decorator of the project": (
        {"main.py": "def deco(f):\n    print(1)\n    return f\n@deco\ndef run(x): ..."},
        {"main.py": "def deco(f):\n    print(2)\n    return f\n@deco\ndef run(x): ..."},
    ),
    "the wrapper of a decorator": (
        {"main.py": "def deco(f):\n    def inner(x): return f(x) + 1\n    return inner\n@deco\ndef run(x): ..."},
        {"main.py": "def deco(f):\n    def inner(x): return f(x) + 2\n    return inner\n@deco\ndef run(x): ..."},
    ),
    "what a decorator without wraps has wrapped": (
        {"main.py": "def deco(f):\n    def inner(x): return f(x)\n    return inner\n@deco\ndef run(x): return 1"},
        {"main.py": "def deco(f):\n    def inner(x): return f(x)\n    return inner\n@deco\ndef run(x): return 2"},
    ),
    "what a decorator of a library has wrapped": (
        {"main.py": "import functools\n@functools.lru_cache\ndef run(x): return 1"},
        {"main.py": "import functools\n@functools.lru_cache\ndef run(x): return 2"},
    ),
    "the class behind a decorator": (
        {"main.py": "class D:\n    def __init__(s, f): s.f = f\n    def __call__(s, x): return 1\n@D\ndef run(x): ..."},
        {"main.py": "class D:\n    def __init__(s, f): s.f = f\n    def __call__(s, x): return 2\n@D\ndef run(x): ..."},
    ),
    "a library function under the same name": (
        {"main.py": "from math import floor as f\ndef run(x): return f(x)"},
        {"main.py": "from math import ceil as f\ndef run(x): return f(x)"},
    ),
    "the sign of a zero": ({"main.py": "def run(): return 0.0"}, {"main.py": "def run(): return -0.0"}),
    "an int for a float": ({"main.py": "def run(): return 1"}, {"main.py": "def run(): return 1.0"}),
    "a pattern's singleton": (
        {"main.py": "def run(x):\n    match x:\n        case None: return 1"},
        {"main.py": "def run(x):\n    match x:\n        case False: return 1"},
    ),
    "a dict's key for an unpacking": (
        {"main.py": "def run(x): return {None: x}"},
        {"main.py": "def run(x): return {**x}"},
    ),
}

SAME = {
    "comments, blank lines and line numbers": (
        {"main.py": "def run(x):\n    return x + 1"},
        {"main.py": "# new\n\n\ndef run(x):\n\n    # why\n    return (x  # here\n        + 1)"},
    ),
    "docstrings": (
        {"main.py": "def h(): return 1\nclass C: ...\ndef run(x): return h(), C"},
        {
            "main.py": '"""M."""\ndef h():\n    "H."\n    return 1\nclass C:\n    "C."\n    ...\n'
            'def run(x):\n    """R."""\n    return h(), C'
        },
    ),
    "line ends": (
        {"main.py": b"T = '''a\nb'''\ndef run(x):\n    return T\n"},
        {"main.py": b"T = '''a\r\nb'''\r\ndef run(x):\r\n    return T\r\n"},
    ),
    "a byte order mark": ({"main.py": b"def run(): return 1"}, {"main.py": b"\xef\xbb\xbfdef run(): return 1"}),
    "the encoding of the file": (
        {"main.py": "def run(): return 'é'"},
        {"main.py": b"# -*- coding: latin-1 -*-\ndef run(): return '\xe9'"},
    ),
    "quotes and escapes": (
        {"main.py": "def run(): return 'a\\n', 'é', 0x10, 1_000, u'x', 'a' 'b'"},
        {"main.py": 'def run(): return "a\\x0a", "\\u00e9", 16, 1000, "x", "ab"'},
    ),
    "an unrelated function": (
        {"main.py": "def other(): return 1\ndef run(x): return x"},
        {"main.py": "def other(): return 2\ndef run(x): return x"},
    ),
    "a constant that only another function reaches": (
        {"main.py": "A = 1\nB = 1\ndef other(): return B\ndef run(x): return A"},
        {"main.py": "A = 1\nB = 2\ndef other(): return B\ndef run(x): return A"},
    ),
    "a global of a local's name": (
        {"main.py": "n = 1\ndef run(x):\n    for n in x: print(n)\n    return [n for n in x], (lambda n: n)"},
        {"main.py": "n = 2\ndef run(x):\n    for n in x: print(n)\n    return [n for n in x], (lambda n: n)"},
    ),
    "a local bound by except, with, match, walrus, import or del": (
        {"main.py": "e = f = m = w = s = 1\ndef run(x):\n    try: ...\n    except ValueError as e: print(e)\n"
                    "    with x as f: print(f)\n    match x:\n        case {**m}: m()\n        case [*s]: s()\n"
                    "    if w := x: print(w)"},
        {"main.py": "e = f = m = w = s = 2\ndef run(x):\n    try: ...\n    except ValueError as e: print(e)\n"
                    "    with x as f: print(f)\n    match x:\n        case {**m}: m()\n        case [*s]: s()\n"
                    "    if w := x: print(w)"},
    ),
    "another branch of a long try": (
        {"main.py": "try:\n    A = 1\n    B = 1\nexcept ValueError:\n    B = 3\ndef run(x): return A"},
        {"main.py": "try:\n    A = 1\n    B = 2\nexcept ValueError:\n    B = 4\ndef run(x): return A"},
    ),
    "what runs as a script only": (
        {"main.py": "T = {}\nif __name__ == '__main__':\n    T[1] = 1\ndef run(x): return T"},
        {"main.py": "T = {}\nif __name__ == '__main__':\n    T[1] = 2\ndef run(x): return T"},
    ),
    "a function moved to another module": (
        {"main.py": "def h(x): return x\ndef run(x): return h(x)"},
        {"main.py": "from other import h\ndef run(x): return h(x)", "other.py": "def h(x): return x"},
    ),
    "the value of a clock": (
        {"main.py": "import time\nNOW = time.time_ns()\ndef run(x): return NOW"},
        {"main.py": "import time\nNOW = time.time_ns()\ndef run(x): return NOW"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), CHANGES.values(), ids=CHANGES)
def test_what_a_step_reaches_changes_its_digest(project, before, after):
    """A change in what the step does, itself or through names of its module, is a new version."""
    first = project.digest(before)

    second = project.digest(after)

    assert first != second


@pytest.mark.parametrize(("before", "after"), SAME.values(), ids=SAME)
def test_what_a_step_does_not_reach_keeps_its_digest(project, before, after):
    """Layout, comments and code that the step doesn't reach are no new version."""
    first = project.digest(before)

    second = project.digest(after)

    assert first == second


@pytest.mark.parametrize(
    "spelling",
    [
        "from pplns import step\n@step",
        "from pplns import step\n@step()",
        "from pplns import step, Retry\n@step(retry=Retry(attempts=5), timeout='5m', name='other')",
        "from pplns import step as s\n@s(timeout=3)",
        "import pplns\n@pplns.step(timeout=4)",
        "import pplns as p\n@p.step",
        "import pplns.steps.definitions as d\n@d.step",
        "from pplns import *\n@step(timeout=5)",
        "import pplns\nmine = pplns.step(timeout=6)\n@mine",
        "import functools, pplns\nmine = functools.partial(pplns.step, timeout=7)\n@mine()",
        "from common import task\n@task(timeout=8)",
    ],
)
def test_step_itself_does_not_count(project, spelling):
    """Whether, how and with which options a function is a step is no part of its code."""
    common = {"common.py": "from pplns import step as task"}
    plain = project.digest(common | {"main.py": "def run(x): return x"})

    decorated = project.digest(common | {"main.py": f"{spelling}\ndef run(x): return x"})

    assert decorated == plain


def test_a_very_long_expression_has_a_digest(project):
    """A sum of many terms goes deeper than Python's recursion limit, and counts to its last term."""
    terms = " + ".join(["x"] * 900)
    first = project.digest({"main.py": f"def run(x): return {terms} + 1"})

    second = project.digest({"main.py": f"def run(x): return {terms} + 2"})

    assert first != second


def test_mutual_recursion_has_a_digest_that_does_not_depend_on_who_is_asked_first(project):
    """Two functions that call each other have the same digests in either order, and both see a change of one."""
    source = "def a(n): return n and b(n - 1)\ndef b(n): return n and a(n - {})\ndef c(n): return c(n)"
    project.write({"main.py": source.format(1)})
    a, b = project.load("main:a"), project.load("main:b")
    forward, backward = CodeDigests(project.root), CodeDigests(project.root)
    one = forward.of(a), forward.of(b)
    two = backward.of(b), backward.of(a)

    changed = project.digest({"main.py": source.format(2)}, "main:a")

    assert one == (two[1], two[0])
    assert changed != one[0] != one[1]


def test_no_layout_counts_in_any_file_of_pplns():
    """A file printed anew from its syntax tree, without comments and in other line breaks, is the same piece."""
    service = Path(pplns.__file__).parent
    trees = [ast.parse(file.read_bytes()) for file in service.rglob("*.py")]

    differing = [tree for tree in trees if piece_of(tree) != piece_of(ast.parse(ast.unparse(tree)))]

    assert len(trees) > 20
    assert differing == []


def piece_of(tree):
    return read_piece([tree], is_dropped=lambda decorator: False)
