"""Digests that must never change: over constructs, the same on every Python and every system.

A digest that differs here makes every stored step of every user run again. Only source that this Python can parse is
checked; the values were the same on 3.11, 3.12 and 3.13."""

import datetime
import decimal
import fractions
import functools
import os.path
import pathlib
import re
import sys
import uuid
import zoneinfo

import pytest

from pplns.fingerprint import CodeDigests, digest_constant

SOURCES = {
    "plain": (
        ('def run(a, b=2, *args, c, d=4, **rest) -> "x":\n    return a + b'),
        "51112bb308d52471dad38673e62a2755bfbf4389fa6684ad248658544a479ef9",
    ),
    "positional only": (
        ("def run(a, b=1, /, c=2, *, d=3):\n    return a, b, c, d"),
        "7d07c5d0bd9a37a108c22079fb1cac40c1bdce70ef824ae86badb0b9fcebe878",
    ),
    "f-strings": (
        ("def run(x, w, p):\n    return f'{x}' f'a{x!r:>{w}.{p}}b' 'c' f'' f'{x:%Y-%m-%d}{{}}'"),
        "ccfb946586ecfc5867bd67080ed0414a1700fec6a085823381a53eaa4fe383aa",
    ),
    "an f-string with =": (
        ("def run(x):\n    return f'{x=} {x = !s:^20} {x+1=:.2f}'"),
        "1eb06037006f84da55d50b9d2f9b37dc163ea6576ea5b087c0de3556757fb631",
    ),
    "nested f-strings": (
        ("def run(x):\n    return f\"{f'{x}' + f'a{x:{x}}'}\", rf'\\d{x}', f'''{\n    x}'''"),
        "04b974908e9727ebd819e5952ab8aecd029d7ee36b5dcc6886b797a92dd95b44",
    ),
    "an f-string without fields": (
        ("def run():\n    return f'abc', f'', f'{{}}', f'a' 'b', f'\\N{BULLET}\\t'"),
        "fbe1234c349685d55ec1bbe3ef73c99762efdc6da71cb5012c23889f87ea82a4",
    ),
    "an f-string with an empty spec": (
        ("def run(x):\n    return f'{x:}', f'{x!a}', f'{x,}', f'{(lambda: x)()}'"),
        "e8f36ca0f8155643eb61c023c013903acf6a03c4307b5138ffb3ff6cb299e320",
    ),
    "a walrus": (
        ("def run(xs):\n    while (n := len(xs)) > 1: xs = xs[1:]\n    return [m for x in xs if (m := x)], n"),
        "01a0fdc519bca4ff0cf370345d56c3582f0244bffda75d814ae4456108624631",
    ),
    "match": (
        (
            "def run(x):\n"
            "    match x:\n"
            "        case {'a': 1, **rest} if rest: return rest\n"
            "        case [1, *_, 2] | (3, 4): return 1\n"
            "        case int(real=5) as y: return y\n"
            "        case -1 | 2.5 | 1+2j | 'a' 'b' | None | True: return 2\n"
            "        case str.x | dict(): return 3\n"
            "        case _: return 4"
        ),
        "9fab25b7664c2ee4e5a48208431f1dc60e44bb0f29bfc599f2ea2efeba5f9596",
    ),
    "try": (
        (
            "def run(x):\n"
            "    try: x()\n"
            "    except (ValueError, TypeError) as e: raise RuntimeError from e\n"
            "    except: raise\n"
            "    else: return 1\n"
            "    finally: x.close()"
        ),
        "dbda81005777c252fb83d8a5e6e45a0e08f30b4a1e2a753c17dff1769dc4646f",
    ),
    "try star": (
        ("def run(x):\n    try: x()\n    except* ValueError as e: print(e)"),
        "47c0b8d448af90f18dabd5ea798ffa5c7ae342efce7ecf6ec20d8e40b4c9cc9c",
    ),
    "lambda": (
        ("def run(x):\n    return lambda a, /, b=1, *c, d, e=2, **f: (a, b, c, d, e, f, x)"),
        "b588f4e2b08b4919986489ab1396540ef5ffa304f05a979bd9da2bf3e13bfbe0",
    ),
    "comprehensions": (
        (
            "def run(x):\n"
            "    return [a for a in x if a if not a], {a: b for a, b in x}, {a for b in x for a in b}, sum(a "
            "for a in x)"
        ),
        "e2af21707ef6a6bc93b4e54e49edcf2ad750a97560428673c94c008aad6e8981",
    ),
    "async": (
        (
            "async def other(x):\n"
            "    async with x as y, y: await y\n"
            "    async for a in x: yield a\n"
            "\n"
            "def run(x):\n"
            "    async def inner():\n"
            "        return [a async for a in other(x)], await x\n"
            "    return inner"
        ),
        "655cfb3ca9282bd965028af8da4c40dd83cd12afc2c9adb53a28f3908cfe2463",
    ),
    "constants": (
        (
            "def run():\n"
            "    return 0, -1, 10**3, 0xff, 1_0, 1.5, -0.0, 1e999, 1e-300, 2j, True, None, ..., b'\\x00\\xff', "
            "''"
        ),
        "2dd9c973f9a3da3925bcaa66c95768c716aeaa63b5532b3c07aec1c6c9318c71",
    ),
    "a big int": (
        f"def run():\n    return {10**3000 + 7}, {2**64}",
        "668da6d2464d60c844062bd6411e4a8518a8709a87cf0958d4855df261ffee52",
    ),
    "unicode": (
        (
            "def run(na\xefve='\xe9\\u2028\\U0001f600\\udc80'):\n"
            "    \ufb01 = '\ufb01'\n"
            "    return \ufb01, na\xefve, '\\x7f\\x00'"
        ),
        "d2b7af51d28f25f5bd5ec04ab531ec846190ad684536542e1adbba99aa38d816",
    ),
    "raw and bytes": (
        ("def run():\n    return r'\\n', b'a' b'b', rb'\\x', u'u', 'a' 'b', '''c\nd'''"),
        "606f57b246a3ad427a204c06c3f4c9a416ffa7f0fe3fcde04dd888618344acc4",
    ),
    "type hints": (
        (
            "from typing import Optional\n"
            "def run(a: Optional[list[int]], b: 'int | None' = None) -> dict[str, 'X']:\n"
            "    c: int\n"
            "    d: int = 1\n"
            "    (e): int = 2\n"
            "    return c, d, e"
        ),
        "ee0c13130c5322054deebb388c382e7902cb93ee79e11709a6d2a58c9d2921be",
    ),
    "global and nonlocal": (
        (
            "N = 1\n"
            "def run():\n"
            "    global N\n"
            "    m = 1\n"
            "    def inner():\n"
            "        nonlocal m\n"
            "        m += N\n"
            "    N = 2\n"
            "    return inner, m"
        ),
        "d40b4afedca18658376440383e8588b4b771d56143a1bac2c1f6729a456ef560",
    ),
    "starred": (
        (
            "def run(x, *y, **z):\n"
            "    a, *b = x\n"
            "    return [*a, *b], {**z, 'k': 1}, x(*y, 1, *b, k=2, **z), x[*b], (*a, 1)"
        ),
        "ebba33ba7f497aa8f4dd6336265a78e68ef3fa9146ba6177d55519a385d5f21d",
    ),
    "slices": (
        ("def run(x):\n    return x[1], x[1:], x[:2], x[::3], x[1:2, ..., None], x[:, 0], x[-1]"),
        "f9b86a28e5288baf53c7159bb8b39b923d37254ee70e44fb74248e8bce1c111c",
    ),
    "comparisons": (
        ("def run(a, b):\n    return 1 < a <= b != 3, a is not b, a not in b, not a in b, a is None"),
        "07901deb49645ceb597ff911a2f5f0631c7f46149e9ebd34a39920905cbdb777",
    ),
    "operators": (
        (
            "def run(a, b):\n"
            "    return a + b - a * b / a // b % a ** b @ a & b | a ^ b << a >> b, ~a, -a, +a, not a, a and b"
            " or a"
        ),
        "fca00b97285fb17ca40b17bbb1115ce90b847518945440a0519235bdfe942518",
    ),
    "augmented": (
        (
            "def run(a):\n"
            "    a += 1; a -= 1; a *= 1; a /= 1; a //= 1; a %= 1; a **= 1; a @= 1; a &= 1; a |= 1; a ^= 1; a "
            ">>= 1; a <<= 1\n"
            "    a.b += 1; a[0] += 1\n"
            "    return a"
        ),
        "4cec330b33a1dc07772ba2580a9efec46d3055c52b1e7323aea9a49bef84e0b7",
    ),
    "control flow": (
        (
            "def run(x):\n"
            "    for a, (b, *c) in x:\n"
            "        if a: continue\n"
            "        elif b: break\n"
            "        else: pass\n"
            "    else:\n"
            "        del x[0], x.a, a\n"
            "    while x: assert x, 'm'\n"
            "    with x as (y, z), x: return y if z else x"
        ),
        "efebece3cbbc2eee6a7c80b9e275cfdd5d6a2c3e1a54a97604705c4bd19fff5e",
    ),
    "generators": (
        ("def run(x):\n    y = yield\n    z = yield x\n    yield from x\n    return y, z"),
        "fe1035ace2e459b22d8aaca28db396fba9166f4d0d0d92292ab019208086d81b",
    ),
    "decorators": (
        (
            "import functools\n"
            "def deco(*a): return lambda f: f\n"
            "@functools.lru_cache(maxsize=None)\n"
            "@(deco if deco else deco)(1)\n"
            "def run(x): return x"
        ),
        "80266f706ef59f467e150af3b9d522fef09e2f66acc973125319478e13f96605",
    ),
    "a class": (
        (
            "import abc\n"
            "class Base(abc.ABC):\n"
            "    '''Doc.'''\n"
            "    n: int = 1\n"
            "    @property\n"
            "    def p(self): return self.n\n"
            "    @staticmethod\n"
            "    def s(): return 1\n"
            "class C(Base, metaclass=abc.ABCMeta):\n"
            "    __slots__ = ('a',)\n"
            "    def m(self, *, k=Base): return super().m(), __class__, k\n"
            "def run(x): return C().m()"
        ),
        "c6c49c78895b9403d97f02c026ce1573562154cc91dd355aaf1d38dbdb981fdc",
    ),
    "a helper and a constant": (
        (
            "RATE: float = 1.5\n"
            "TABLE = {'a': RATE}\n"
            "TABLE['b'] = 2\n"
            "def help(x): return x * RATE\n"
            "def run(x): return help(TABLE[x])"
        ),
        "715a4db542aa30ca487154793a14458194fcd2dddeb795d1c0e12c0c63440fe5",
    ),
    "guards": (
        (
            "import sys\n"
            "try:\n"
            "    import tomllib\n"
            "except ImportError:\n"
            "    tomllib = None\n"
            "if sys.platform == 'win32':\n"
            "    SEP = 1\n"
            "else:\n"
            "    SEP = 2\n"
            "for n in range(3):\n"
            "    T = n\n"
            "def run(x): return tomllib, SEP, T"
        ),
        "7d220d4c0b65b3db81dbe0282052206117346855c64333739a424c84d608d7b6",
    ),
    "library names": (
        (
            "import os.path as p\n"
            "from math import floor as f, pi\n"
            "import collections.abc\n"
            "def run(x): return p.join(x), f(pi), collections.abc.Mapping"
        ),
        "177f6a1b49b32234823d560645783b615370fcc928f570a74b1235087a025a4f",
    ),
    "recursion": (
        ("def a(n): return b(n)\ndef b(n): return a(n) or run(n)\ndef run(n): return n and a(n - 1)"),
        "d6be09122d8f03465cabb0e3c427d2a765a60bbbad73a36eaf7de149b32fc7ed",
    ),
    "imports inside": (
        (
            "def run(x):\n"
            "    import os.path, json as j\n"
            "    from math import pi as p\n"
            "    return os.path.join(x), j.dumps(p)"
        ),
        "d7387d82f8551822cb6b7c846908d9318a86b8d751e153202b50908f5ea77ed1",
    ),
    "a closure": (
        (
            "def make(n, rest):\n"
            "    def run(x, k=n): return x + n, rest, k\n"
            "    return run\n"
            "run = make(2, {'a': (1, 2.5, None), 'b': {1, 2, 3}})"
        ),
        "58f0595b8940d1c40fd6b0babe0e9c84bb1d083fe03775321202ade5715fc1b5",
    ),
    "a lambda of a list": (
        "run = [lambda x: x, lambda x: x + 1][1]",
        "2fe38e13d5cff29b882e959f11fbca589e6a652e83665e4f0fc0b6dcdd991634",
    ),
    "library names in a closure": (
        (
            "import os.path\n"
            "import pathlib\n"
            "def make(a, b): return lambda x: (a.join(x), b(x))\n"
            "run = make(os.path, pathlib.Path)"
        ),
        "9485ec5818970fccfebb7fdb2146a10dc9012395b8deb503b78650554e97230a",
    ),
    "a partial": (
        ("import functools\ndef add(x, y): return x + y\nrun = functools.partial(add, 1, y=2)"),
        "b38a380d3059637f50d55f93c56c38fe4ecb871624fe24f8a58507a50a203f99",
    ),
    "parentheses": (
        ("def run(x):\n    with (x as a, x as b): return (a), ((b)), (x,), ()"),
        "e051fc79e36a2a2938e0569b1b1f63f2a52622a6eb7c23461728a9f0c0adc450",
    ),
    "print and semicolons": (
        "def run(x): print(x, end=''); return (yield)",
        "95df36298b5409158ee95d79a6910b5b8df1b7ace65eb170c00fe991f3411c46",
    ),
}

NEWER = {
    "type parameters": (
        (3, 12),
        (
            "type Pair[T: int] = tuple[T, T]\n"
            "class Box[T]:\n"
            "    def put[U: (int, str), *Ts, **P](self, x: T, y: U) -> Pair[T]: ...\n"
            "def run[T](x: T) -> Box[T]: return Box()"
        ),
        "eec955524f260ac4a42036d1826644411d1d9081305fa31c22f449517925f0c4",
    ),
    "an f-string of Python 3.12": (
        (3, 12),
        ("def run(x):\n    return f'{x['a']!r:{'>' '3'}} {\n        x  # comment\n    }'"),
        "4620d90018fdbaace49109d709bf137a9f635935ca211d8e4eb3d5e7d710c0f1",
    ),
}

VALUES = [
    (None, "a13bb4905ebd6846f4e922bc07eb669061cd6dede50b875597ca4aff46b239b4"),
    (True, "08d5f3c80b7661eee8d609947ee65db1037d80efcc186a7832fad92c6aab7c10"),
    (1, "6b7330cbdf8ab57f12f915e0a3bc6c185b4406cc7a29497b18b88c923ecec9b5"),
    (-1, "d6486e9f84edb86ab053ae889765f32aecec29686b07da7e134fb36500a9c5d9"),
    (2**70, "b28deaba593554300bfc2cde96915349dd7b069d4c99311953bc77751d18241a"),
    (1.0, "24b0bf0ad584c5ce4a0e30eb14b6b1214eaf95e2fbd83261e717200ef2f6c19b"),
    (float("nan"), "4dce37c0e33c2525a8387a2fd6d9ae2b74657d0d84a7645474535bf64c391541"),
    (float("-inf"), "fac06156b41e00d7d1d697c681ae21b09b49913f119fd4298ce6046f73e9d2de"),
    (-0.0, "4917ae63520317dceaa56b7615534e87bcc07d3b2adae9b20983bdb329516716"),
    (1 + 2j, "c29ce002d79b9fb1f4b68a60837502adfc1115ed5ed37e74e0929e74af3d79cf"),
    ("a", "98e027662cd25748f54e579940c5d0bcfc3e6e215c7e1b2c8429971eb6c02c6d"),
    ("\udc80\u2028", "582ef4d26e26a7e4f58719c3527be2104951136b28eed176072de4f4b27840fd"),
    (b"a", "88d2c23ff94c1bad5ea183ddbe7b713fca8f82fbd1987e6f5bd71015fe758d66"),
    (bytearray(b"a"), "464fdaaf5048b4d5465cb974a2f1bc0a3d62b1a3ebe6b52f154f49077465e883"),
    (datetime.date(2024, 1, 2), "fc10c516004e489cf24a6738410d12c8d0034d397119b0e827748feceff2ec6b"),
    (datetime.datetime(2024, 1, 2, 3, 4, 5, 6), "202e35e4c2826b404c6225c869a811d5277b6c17127904841022f513e0e800c6"),
    (
        datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC),
        "482e40814363d8532b083c868bc801e285585e92a2cab86acdee1aa09c0803ff",
    ),
    (
        datetime.datetime(2024, 11, 3, 1, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("America/New_York")),
        "30129ab4124845b055e3f17d777e972558dc2ea4f26e020d50cbebc199686d6f",
    ),
    (datetime.time(1, 2), "24a0e531f60a055a198a614a1e985ed1768f030295823bcda0fec238884c272f"),
    (datetime.timedelta(days=-1, microseconds=1), "b213222b07f578c23ecb926d4a09681c3fa0deaa03b06c4ada416bacbeb7ad37"),
    (datetime.UTC, "97d7a629d793cc751f86af034035a4beb234f3006434df745b044945f69e926f"),
    (zoneinfo.ZoneInfo("UTC"), "8c7363154a3d28e23666d5c3fdff4f304694d69880d014c8bf8f9a3daca3af34"),
    (decimal.Decimal("1.10"), "7c19555d07275cb7512b4322d2d7b0e709f25f701ae708be4d992271124cd99c"),
    (fractions.Fraction(1, 3), "860f8636dab5ac431d3a14695c74b8f1f51fee16e4bfd110a902e0afa35447ab"),
    (uuid.UUID(int=1), "40cb3e76ff9a090565a96d93a3678547e29292bf6fe31f2ed3b63f34ccdedd5b"),
    (pathlib.PurePosixPath("a/b"), "a554b531ae81589a8da8144c76a7e7a4ed2546967fafed38430ffa9574a7412c"),
    (pathlib.PureWindowsPath("a\\b"), "a554b531ae81589a8da8144c76a7e7a4ed2546967fafed38430ffa9574a7412c"),
    (range(3), "b6a3d4199347aa6442a184a524e1a7d2ff081e2b08348327e6752ceba69ff04c"),
    (range(1, 9, 2), "008826a7dff9a3e7aefae6aedfc0c3a75333d653a407ea493cae01bb0e237dd2"),
    (re.compile("a+", re.I), "c9d9c8364da6736379ecbd87fd0d0a8b42c4afd26c9698e29dfac57b4622e28d"),
    ([], "1911813be506bd65aeddbf98e01934d7cea8e2c86009c4a0a67ac8a6483c9ae6"),
    ([1, "a", [None]], "c166fa63900d9d9d85dc8bb2382fd1ff882e0126bd9fb4d7d48f5ab1c97d5d44"),
    ((1,), "77e416eb8fdada627dd0c1659d9f4aad7b529f06a2418dbb0a01113e16333982"),
    ({"b": 1, "a": [2]}, "3a10ca02a9550a39126cd089ae87458e6c0f427c4a0c3176c43546fe93c3fa0c"),
    ({"a": [2], "b": 1}, "3a10ca02a9550a39126cd089ae87458e6c0f427c4a0c3176c43546fe93c3fa0c"),
    ({3, 1, 2}, "f2b1c7b6da965ca865bdd6cec4f0056675ba0ad40f9cc810e44249cb69e8c452"),
    (frozenset({"x"}), "21b405c872978bcb4650e41c4a4c7d9aed717eebc5bc7a48728bb89f0bc2eb59"),
    (len, "e16416e3405889663187a7adc476aa0ac0ac9586fa872d49cafbf56d69ab9fd8"),
    (",".join, "1c3d9919abd099d3dbff4e38ebc313cf79b768f50dfcd59da0c5ea8b76f7215c"),
    (str.upper, "6cf1a9d61dbf3cdcfa94a77d816e6f9ed5be3f3011165830a1e0ec84f9b641a4"),
    (dict, "60aef6b5cea20891b6daeeb0ddcff33b695f2a3d4e469e1e920fe5c2df6e39e3"),
    (list[int], "32eed4862615440c09073f6bf8819c26d62b61b0d26c8ca8b1ad634f51496e41"),
    (pathlib.PurePath, "42d327c3498524d918f322293295f0f5e24d14956751bcafe89b4b751ed9dacf"),
    (pathlib.Path, "d1b9d75b130b0446795fc9892b8828a23a424a0e00ca99e8a4dd997e7f69670d"),
    (os.path.join, "b088a9fb1b90293fbe3e942b30cf8c7f08e8f4ac9bf856c815870914886e2e3e"),
    (os.path, "9d385abc938dc0f8f91c8a217a5ba0a16175f5f856c0fa22dbe3b1ca82d0bdfd"),
    (open, "fefbbaeba5f3f4261e8faba4866a6485710de0cb44d3c87f0b17847967ca37a3"),
    (functools.lru_cache, "b8353862c6872cc7e3545b831f39eeff416d966892fc5a15cfc57620649be6b6"),
    (uuid.SafeUUID.safe, "b1a0769210f8c54ffa7393ef938817ccbf202911c50e99a63d0b32343c43d1f4"),
]


@pytest.mark.parametrize(("source", "expected"), SOURCES.values(), ids=SOURCES)
def test_code_has_the_digest_that_it_always_had(project, source, expected):
    """The digest of this source is the same on every Python, on every system, in every release."""
    assert project.digest({"main.py": source.encode("utf-8", "surrogatepass")}) == expected


@pytest.mark.parametrize(("version", "source", "expected"), NEWER.values(), ids=NEWER)
def test_code_of_newer_pythons_has_the_digest_that_it_always_had(project, version, source, expected):
    """Source that only newer Pythons parse is the same on all of those."""
    if sys.version_info < version:
        pytest.skip(f"Python {'.'.join(map(str, version))} brought this syntax")

    assert project.digest({"main.py": source}) == expected


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=lambda value: repr(value)[:20])
def test_a_constant_has_the_digest_that_it_always_had(project, value, expected):
    """A constant argument counts the same wherever and whenever the pipeline runs."""
    assert digest_constant(value, code=CodeDigests(project.root), where="x") == expected
