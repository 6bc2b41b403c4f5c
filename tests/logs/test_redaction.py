"""Secrets and tokens never appear, however they are spelled."""

import base64
import json
import logging
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening import Heard
from pplns import pipeline, step
from pplns.logs.redaction import MARK, Register, redact
from pplns.logs.streams import LineBuffer

SECRETS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="[]"), min_size=8, max_size=40).filter(
    lambda text: text.strip() == text and len(set(text)) > 3 and text not in MARK
)
NO_KEYS = SECRETS.map("{}7".format)  # "timezone" stands in each record as a key
SPELLINGS = {
    "plain": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json, unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text))[3:-3],
    "url": lambda text: quote(text, safe=""),
    "url, slashes": quote,
    "form": quote_plus,
    "lower-case url": lambda text: quote(text, safe="").replace("%2F", "%2f"),
    "repr": lambda text: repr(text)[1:-1],
}
JWT = ".".join(base64.urlsafe_b64encode(part).decode().strip("=") for part in (b'{"alg":"RS256"}', b'{"sub":"1234"}'))
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nq83vASNFZ4k=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(secret=SECRETS, before=st.text(max_size=10), after=st.text(max_size=10))
def test_a_hidden_value_is_found_in_each_spelling(spelling, secret, before, after):
    """Escaped for JSON or a URL, or by repr, it is gone."""
    register = Register()
    register.add(secret)
    spelled = SPELLINGS[spelling](secret)

    shown = register.redact(before + spelled + after)

    assert spelled not in shown
    assert secret not in shown


@given(secret=SECRETS, cuts=st.lists(st.integers(0, 60), max_size=6), text=st.text(max_size=20))
def test_pieces_of_a_line_are_seen_together(secret, cuts, text):
    """A value that is printed in pieces is gone from the line, and from what is shown before the line ends."""
    register = Register()
    register.add(secret)
    whole, places = f"{text}{secret}{text}\n", sorted(cuts)
    pieces = [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pplns.logs.redaction._register", register)
        buffer = LineBuffer()
        shown = "".join([buffer.passed(piece) for piece in pieces] + [buffer.passed("", is_last=True)])
        buffer = LineBuffer()
        lines = "\n".join([line for piece in pieces for line in buffer.feed(piece)] + buffer.finish())

    assert secret not in shown
    assert secret not in lines


@given(secret=NO_KEYS, cut=st.integers(1, 7))
def test_a_hidden_value_is_in_no_output_chunk_or_record(tmp_path_factory, secret, cut):
    """Printed in pieces, logged as JSON, in a URL, raised: nothing that the run leaves holds it."""

    @step
    def speak() -> int:
        print(secret[:cut], end="")
        print(secret[cut:])
        logging.getLogger("shop").warning("%s %s", json.dumps({"key": secret}), quote(secret))
        raise ValueError(secret)

    @pipeline
    def speaking():
        return speak()

    heard, register = Heard(tmp_path_factory.mktemp("heard")), Register()
    register.add(secret)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pplns.logs.redaction._register", register)
        record = heard.run(speaking)

    names = [*heard.store.children("speaking/runs/heard/logs/"), "../attempts/1.json"]
    stored = [heard.store.read(f"speaking/runs/heard/logs/{name}".replace("logs/../", "")) for name in names]
    texts = [heard.stdout.getvalue(), json.dumps(record.as_json()), *(data.decode() for data in stored)]
    decoded = [str(json.loads(line)) for text in texts for line in text.split("\n") if line]
    forms = {secret, json.dumps(secret)[1:-1], quote(secret), repr(secret)[1:-1]}
    assert all(MARK in text for text in texts)
    assert not [form for form in forms for text in [*texts, *decoded] if form in text]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def-1234", f"Authorization: {MARK}"),
        ('{"authorization": "Basic dXNlcjpwdw=="}', f'{{"authorization": "{MARK}"}}'),
        ("{'Authorization': 'Bearer x1.y2'}", f"{{'Authorization': '{MARK}'}}"),
        ("curl -H 'X-Serverless-Authorization: bearer s3cr3t-t0ken'", f"curl -H 'X-Serverless-Authorization: {MARK}'"),
        ("sent Bearer ab12cd34ef", f"sent Bearer {MARK}"),
        ("token ya29.a0AfH6SM-x_y.z expired", f"token {MARK} expired"),
        (f"id {JWT}.c2ln, then", f"id {MARK}, then"),
        (f"a.b.{JWT}; token-{JWT}.c2ln", f"a.b.{MARK}; {MARK}"),
        (f"key {KEY} end", f"key {MARK} end"),
        (json.dumps({"private_key": KEY}), json.dumps({"private_key": MARK})),
        ("postgres://app:pa55w0rd@db/x", f"postgres://app:{MARK}@db/x"),
    ],
)
def test_what_looks_like_a_credential_is_hidden_unasked(text, shown):
    """Nobody has to register a token for it to be hidden; a text that was looked through stays as it is."""
    assert redact(text) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize("word", ["eyJ-", "eyJ.", "bearer ", "://x:", "authorization:", "-----BEGIN ", "1//0", "ya29."])
def test_a_million_beginnings_of_credentials_hold_up_nobody(word):
    """What comes from outside may be printed: a text that begins one everywhere is looked through once."""
    assert redact(f"{word * 200_000}!").endswith(("!", MARK))


@pytest.mark.parametrize(
    "text", ["the bearer of bad news", "read https://example.com/a:b", "eyJ is a prefix", "authorization failed"]
)
def test_other_text_stays(text):
    """Words that only remind of credentials are left alone."""
    assert redact(text) == text


def test_a_key_printed_line_by_line_is_hidden():
    """Each of its lines looks like any other; they are gone up to its end."""
    buffer = LineBuffer()

    shown = [line for part in f"begin\n{KEY}\nafter\n".splitlines(keepends=True) for line in buffer.feed(part)]

    assert shown == ["begin", MARK, "after"]


def test_each_line_of_a_value_is_hidden(hide):
    """A value of several lines is hidden when only one of them is shown."""
    hide("first-line-of-it\nsecond-line-of-it")

    assert redact("got second-line-of-it.") == f"got {MARK}."


def test_what_is_too_short_is_left_alone(hide):
    """A value of three letters can't be told from other text."""
    hide("abc")

    assert redact("abcdef") == "abcdef"


def test_bytes_are_hidden_as_text(hide):
    """Secrets come as bytes, too."""
    hide(b"pa55w0rd")

    assert redact("pa55w0rd") == MARK
