"""The same project is the same digest: anywhere, for anyone, on any system."""

import gzip
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layer_contents import content
from packaged_project import PYTHON, make_base, make_project, recipe_for
from pplns.errors import ConfigError
from pplns_deploy.image.build import build_image
from pplns_deploy.image.cache import Cache
from pplns_deploy.image.contents.compiling import bytecode
from pplns_deploy.image.contents.project import project_files
from pplns_deploy.image.gzipping import BLOCK_BYTES, GzipWriter
from pplns_deploy.image.images import ignore
from pplns_deploy.image.layers import Entry, digest_of_entries, layer_of, write_layer
from pplns_deploy.image.provenance import read_provenance


def digest_in(folder: Path, wheels: Path, filled: Path | None = None) -> str:
    """Return the digest of a project, built with a cache of its own: of nothing, or of what is in `filled`."""
    place = folder.parent / f"cache-{time.monotonic_ns()}"
    if filled is not None:
        shutil.copytree(filled, place)
    cache = Cache(place)
    return build_image(recipe_for(folder, wheels), make_base(cache), cache=cache, watch=ignore).digest


def test_two_clean_builds_in_two_folders_are_one_image(tmp_path: Path, wheels: Path):
    """Neither the folder nor the cache is in it."""
    one, other = make_project(tmp_path / "a" / "sales"), make_project(tmp_path / "b" / "other name")

    assert digest_in(one, wheels) == digest_in(other, wheels)


@pytest.mark.skipif(sys.platform == "win32", reason="a umask and modes are POSIX's")
def test_modes_and_times_are_not_in_it(tmp_path: Path, wheels: Path, filled: Path):
    """Another umask, and files that were touched."""
    one = make_project(tmp_path / "a" / "sales")
    before = os.umask(0o077)
    try:
        other = make_project(tmp_path / "b" / "sales")
    finally:
        os.umask(before)
    for file in other.rglob("*.py"):
        os.utime(file, (1, 1))
        file.chmod(0o777)

    assert digest_in(one, wheels, filled) == digest_in(other, wheels, filled)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_is_not_in_it(tmp_path: Path, wheels: Path, filled: Path):
    """Files of another user."""
    one, other = make_project(tmp_path / "a" / "sales"), make_project(tmp_path / "b" / "sales")
    for file in other.rglob("*"):
        os.chown(file, 1000, 1000)

    assert digest_in(one, wheels, filled) == digest_in(other, wheels, filled)


def test_a_checkout_of_windows_is_the_same_image(tmp_path: Path, wheels: Path, filled: Path):
    """Git writes CRLF there; in Python and TOML that means the same, so it becomes LF. Data stays as it is."""
    one, other = make_project(tmp_path / "a" / "sales"), make_project(tmp_path / "b" / "sales")
    for file in [*other.rglob("*.py"), other / "pyproject.toml"]:
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))

    assert digest_in(one, wheels, filled) == digest_in(other, wheels, filled)


def test_data_with_other_line_ends_is_other_data(tmp_path: Path, wheels: Path, filled: Path):
    """A CSV file is taken as it is."""
    one, other = make_project(tmp_path / "a" / "sales"), make_project(tmp_path / "b" / "sales")
    (other / "pipelines" / "data" / "orders.csv").write_bytes(b"id,amount\n1,2\n")

    assert digest_in(one, wheels, filled) != digest_in(other, wheels, filled)


def test_a_change_of_one_line_changes_the_layer_of_the_project_only(project: Path, wheels: Path, base, cache):
    """So that little has to be sent."""
    first = build_image(recipe_for(project, wheels), base, cache=cache, watch=ignore)
    changed = project / "pipelines" / "sales.py"
    changed.write_text(f"{changed.read_text()}\nx = 1\n")

    second = build_image(recipe_for(project, wheels), base, cache=cache, watch=ignore)

    assert [one == other for one, other in zip(first.layers, second.layers, strict=True)] == [True, True, False]


def test_a_damaged_layer_in_the_cache_is_made_again(project: Path, wheels: Path, base, cache):
    """What is read from the cache is compared with its digest."""
    first = build_image(recipe_for(project, wheels), base, cache=cache, watch=ignore)
    damaged = cache.path(first.layers[0].digest)
    damaged.write_bytes(bytes(damaged.stat().st_size))

    second = build_image(recipe_for(project, wheels), base, cache=cache, watch=ignore)

    assert second.digest == first.digest
    assert cache.find(first.layers[0].digest, size_bytes=first.layers[0].size_bytes)


def test_files_that_change_while_they_are_packaged_are_refused(project: Path, cache: Cache):
    """Or the layer would be found later for files that it doesn't hold."""
    entries = project_files(project).entries
    digest = digest_of_entries(entries)

    def make(_: Path) -> Sequence[Entry]:
        (project / "pipelines" / "data" / "orders.csv").write_text("saved meanwhile")
        return entries

    with pytest.raises(ConfigError, match="changed while"):
        layer_of("project", (digest,), cache, make, is_same=lambda: digest_of_entries(entries) == digest)

    made = layer_of("project", (digest,), cache, lambda _: entries)
    assert b"saved meanwhile" in gzip.decompress(cache.path(made.digest).read_bytes())


def test_what_a_killed_build_left_is_deleted_after_a_day(cache: Cache):
    """A folder full of wheels, and half of a blob."""
    scratch = cache.path("x").parents[1] / "scratch"
    (scratch / "wheels").mkdir()
    (scratch / "wheels" / "a.py").write_text("x")
    (scratch / "half").write_bytes(b"x")
    for found in scratch.iterdir():
        os.utime(found, (time.time() - 90_000,) * 2)
    (scratch / "now").write_bytes(b"x")

    cache.prune()

    assert [found.name for found in scratch.iterdir()] == ["now"]


def test_what_is_read_stays_in_the_cache(cache: Cache):
    """A note that is older than a month, but was of use since."""
    notes = cache.path("x").parents[1] / "notes"
    for key in ("used", "unused"):
        cache.note(key, key)
    for found in notes.iterdir():
        os.utime(found, (time.time() - 40 * 86_400,) * 2)
    cache.noted("used")

    cache.prune()

    assert (cache.noted("used"), cache.noted("unused")) == ("used", None)


def test_the_commit_is_in_the_labels(project: Path, wheels: Path, base, cache):
    """Source without anyone's credentials, revision, and the time of the commit instead of that of the build."""
    git = [
        "git", "-C", str(project), "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false",
    ]  # fmt: skip
    environ = {**os.environ, "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+01:00"}
    for command in (
        ["init", "-q"], ["add", "."], ["commit", "-qm", "x"],
        ["remote", "add", "origin", "https://user:secret@git.example.com/team/sales.git"],
    ):  # fmt: skip
        subprocess.run([*git, *command], check=True, env=environ)

    image = build_image(recipe_for(project, wheels), base, cache=cache, watch=ignore)

    text = image.config.data.decode()
    assert '"org.opencontainers.image.source":"https://git.example.com/team/sales"' in text
    assert '"created":"2026-01-02T02:04:05Z"' in text
    assert len(image.tag) == 12


@pytest.mark.parametrize(
    ("name", "is_dirty"),
    [("__pycache__/x.json", False), ("pipelines/__pycache__/x.pyc", False), ("pipelines/new.py", True)],
)
def test_bytecode_makes_no_commit_dirty(tmp_path: Path, name: str, is_dirty: bool):
    """A project that doesn't ignore it has it as soon as it has run; it is in no image."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    for command in (["init", "-q"], ["add", "."], ["-c", "commit.gpgsign=false", "commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)

    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("")

    revision = read_provenance(tmp_path).revision
    assert revision is not None
    assert revision.endswith("-dirty") == is_dirty


def test_bytecode_does_not_depend_on_what_was_compiled_before():
    """Other processes have other names interned, and other seeds for hashes."""
    source = b"def f(a, zebra=1):\n    return {'x', 'y', zebra}, 'zebra', a in {'p', 'q', 'r'}\n"
    program = (
        "import sys, importlib.util as u; zebra = sys.intern('zebra'); x = sys.intern('x');"
        "compile('zebra, p', '', 'exec');"
        f"s = u.spec_from_file_location('c', {str(Path(bytecode.__code__.co_filename))!r}); m = u.module_from_spec(s);"
        f"s.loader.exec_module(m); sys.stdout.buffer.write(m.bytecode({source!r}, '/app/f.py'))"
    )

    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in "012345"
    }

    assert found == {bytecode(source, "/app/f.py")}


def test_bytecode_is_hash_based_and_names_the_path_in_the_container(image, cache):
    """PEP 552: unchecked, so that no time of a file counts."""
    compiled = content(
        image, cache, "project", f"app/pipelines/__pycache__/sales.cpython-{PYTHON.replace('.', '')}.pyc"
    )

    assert int.from_bytes(compiled[4:8], "little") == 0b01
    assert b"/app/pipelines/sales.py" in compiled


def test_without_an_interpreter_of_that_version_there_is_a_warning(project: Path, wheels: Path, base, cache):
    """It says what that costs."""
    image = build_image(recipe_for(project, wheels, interpreter=None), base, cache=cache, watch=ignore)

    assert any("no bytecode" in warning for warning in image.warnings)


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(0, 3))
def test_what_is_compressed_comes_back(parts: list[bytes], blocks: int):
    """However it was cut, and the bytes don't depend on that."""
    import gzip
    import io

    data = b"".join(parts) + bytes(blocks * BLOCK_BYTES)
    whole, cut = io.BytesIO(), io.BytesIO()

    with GzipWriter(whole) as writer:
        writer.write(data)
    with GzipWriter(cut) as writer:
        for part in (*parts, bytes(blocks * BLOCK_BYTES)):
            writer.write(part)

    assert gzip.decompress(whole.getvalue()) == data
    assert cut.getvalue() == whole.getvalue()


def test_gnu_tar_reads_the_layers(cache, tmp_path: Path):
    """Long names too."""
    if shutil.which("tar") is None:
        pytest.skip("no tar here")
    name = "app/" + "ü" * 120 + ".csv"
    layer = write_layer("project", [Entry(name, b"x"), Entry("app/link", target="a b")], cache)

    listed = subprocess.run(
        ["tar", "--quoting-style=literal", "-tzf", cache.path(layer.digest)], capture_output=True, check=True
    )

    assert listed.stdout.decode().splitlines() == ["app/", "app/link", name]
