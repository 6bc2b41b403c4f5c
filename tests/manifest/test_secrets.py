"""Secrets: by name in code and records, by value only where a step asks for it."""

import json
from pathlib import Path

import pytest

from kit import Runs, settings_of
from pplns import Secret, pipeline, step
from pplns.errors import DefinitionError, SecretMissing
from pplns.loader import put_first_on_path
from pplns.logs.redaction import redact
from pplns.secrets import parse_dotenv
from pplns.stores import open_store

VALUE = 'pa"ss/wörd of the warehouse'


@step
def use(secret: Secret) -> int:
    return len(secret.value())


@step
def tell(secret: Secret) -> int:
    raise ValueError(f"refused: {secret.value()}")


@pipeline
def uses(secret: Secret = Secret("warehouse-password")):  # noqa: B008
    return use(secret)


@pipeline
def tells(secret: Secret = Secret("warehouse-password")):  # noqa: B008
    return tell(secret)


def everything_in(folder: Path) -> str:
    """Return all that a file store holds, as text."""
    return "".join(file.read_text("utf-8", "replace") for file in sorted(folder.rglob("*")) if file.is_file())


def test_a_secret_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch):
    """The name in capitals."""
    monkeypatch.setenv("WAREHOUSE_PASSWORD", VALUE)

    assert Secret("warehouse-password").value() == VALUE


def test_a_secret_is_read_from_the_projects_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where the environment hasn't it; the environment wins."""
    (tmp_path / ".env").write_text("export API_TOKEN='from the file'\n")
    put_first_on_path(settings_of(tmp_path))
    assert Secret("api-token").value() == "from the file"

    monkeypatch.setenv("API_TOKEN", "from the environment")

    assert Secret("api-token").value() == "from the environment"


def test_a_missing_secret_says_where_it_belongs(tmp_path: Path):
    """A retry can't help."""
    put_first_on_path(settings_of(tmp_path))

    with pytest.raises(SecretMissing) as missing:
        Secret("api-token").value()

    assert "API_TOKEN" in missing.value.expected
    assert ".env" in missing.value.expected


@pytest.mark.parametrize(
    "name", ["", "1st", "a b", "-a", "x" * 256, 5, None, "path", "PORT", "pplns-store", "k-service"]
)
def test_a_name_that_cant_be_a_secrets_is_refused(name: object):
    """Also one whose variable the system sets."""
    with pytest.raises(DefinitionError):
        Secret(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("tried", [uses, tells])
def test_no_record_holds_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried):
    """Parameters hold the name; an error that quotes the value is redacted."""
    monkeypatch.setenv("WAREHOUSE_PASSWORD", VALUE)
    settings = settings_of(tmp_path)

    record = Runs(open_store("file:kept", root=tmp_path), settings).run(tried)

    assert record.params == {"secret": "warehouse-password"}
    kept = everything_in(tmp_path / "kept") + json.dumps(record.as_json())
    assert "warehouse-password" in kept
    assert VALUE not in kept
    assert json.dumps(VALUE)[1:-1] not in kept


def test_a_value_is_hidden_once_it_was_read(monkeypatch: pytest.MonkeyPatch):
    """In whatever is said after."""
    monkeypatch.setenv("WAREHOUSE_PASSWORD", VALUE)
    Secret("warehouse-password").value()

    assert redact(f"login with {VALUE}!") == "login with [hidden]!"


def test_the_repr_shows_the_name(monkeypatch: pytest.MonkeyPatch):
    """Never the value, also in a message."""
    monkeypatch.setenv("WAREHOUSE_PASSWORD", VALUE)
    secret = Secret("warehouse-password")
    secret.value()

    assert repr(secret) == str(secret) == f"{secret}" == "Secret(name='warehouse-password')"


def test_a_dotenv_is_read_as_shells_write_it():
    """Quotes, comments, export, values of several lines; nothing is expanded."""
    text = """A=1\nexport B = "x \\"y\\"\\n#z" # said\r\nC='a"b$A'\nD=abc # said\nE=a#b\n# F=1\nG="two\nlines"\nH=\n"""

    assert parse_dotenv(text) == {
        "A": "1", "B": 'x "y"\n#z', "C": 'a"b$A', "D": "abc", "E": "a#b", "G": "two\nlines", "H": "",
    }  # fmt: skip
