"""`File`: a file's bytes as a value."""

import gc
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pplns import File
from pplns.codecs import SourceFailed, hold, plain
from pplns.codecs.local_files import CHUNK_BYTES
from pplns.errors import StorageRefused
from storing import artifact_of, streamed


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text("id,total\n1,5\n")
    return path


def test_a_file_comes_back_under_its_name(orders: Path):
    """As a copy: the first one may be gone."""
    stored = streamed(File(orders))
    orders.unlink()

    found = stored.handout()

    assert type(found) is File
    assert found.name == found.path.name == "orders.csv"
    assert found.path.read_text() == "id,total\n1,5\n"


def test_a_file_is_given_wherever_a_path_is(orders: Path):
    """`open`, pandas and os.path take it."""
    found = streamed(File(str(orders))).handout()

    assert pd.read_csv(found)["total"].tolist() == [5]
    assert os.path.basename(found) == "orders.csv"  # noqa: PTH119
    assert Path(found).parent != orders.parent


def test_every_consumer_has_a_file_of_its_own(orders: Path):
    """What one writes into it, nobody else reads."""
    stored = streamed(File(orders))

    one, two = stored.handout(), stored.handout()
    one.path.write_text("spoilt")

    assert two.path.read_text() == "id,total\n1,5\n"


def test_a_copy_lasts_as_long_as_its_file_object(orders: Path):
    """A run leaves nothing in the temporary folder."""
    found = streamed(File(orders)).handout()
    folder = found.path.parent

    del found
    gc.collect()

    assert not folder.exists()
    assert orders.exists()


def test_the_artifact_is_the_file(tmp_path: Path):
    """Byte for byte, with its ending; written in parts, so that it may be larger than memory."""
    path = tmp_path / "model.BIN"
    path.write_bytes(os.urandom(CHUNK_BYTES + 1))

    held = hold(File(path), where="Step 'make'")

    assert (held.codec, held.extension, held.rows) == ("file", "bin", None)
    assert artifact_of(held) == path.read_bytes()


@pytest.mark.parametrize(("name", "extension"), [("a.tar.gz", "gz"), ("a", "bin"), ("a.naïve", "bin"), (".env", "bin")])
def test_the_artifact_has_the_files_ending(tmp_path: Path, name: str, extension: str):
    """Where it is a plain one; an empty file is a file."""
    (tmp_path / name).write_bytes(b"")

    stored = streamed(File(tmp_path / name))

    assert stored.extension == extension
    assert stored.handout().path.read_bytes() == b""
    assert stored.handout().name == name


@pytest.mark.parametrize(("name", "met"), [("missing.csv", "which is not there"), ("", "which is a folder")])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, met: str):
    """The message shows the path."""
    with pytest.raises(StorageRefused) as refused:
        hold(File(tmp_path / name), where="Step 'make'")

    assert refused.value.met == f"Step 'make' returned a File({str(tmp_path / name)!r}), {met}."
    assert "Return File(…) of a file that is written and closed" in refused.value.remedy


def test_a_file_that_goes_while_it_is_stored_is_the_steps_error(orders: Path):
    """It isn't taken for one of the store."""
    held = hold(File(orders), where="Step 'make'")
    orders.unlink()

    with pytest.raises(SourceFailed) as failed:
        artifact_of(held)

    assert isinstance(failed.value.error, FileNotFoundError)


def test_a_file_inside_a_value_is_refused(orders: Path):
    """It is a value of its own."""
    value: Any = {"orders": File(orders)}

    with pytest.raises(StorageRefused, match=r"a pplns.File at \['orders'\].*as several outputs"):
        hold(value, where="Step 'make'")


def test_a_plain_path_stays_a_path():
    """Whatever it points to."""
    assert hold(Path("out/orders.csv"), where="Step 'make'").handout() == Path("out/orders.csv")


def test_a_record_shows_a_file_by_its_name():
    """Where it came from on one machine means nothing on another."""
    assert plain({"file": File("out/orders.csv")}) == {"file": "orders.csv"}
