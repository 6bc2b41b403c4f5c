"""What is locked: the requirements of a project, wherever it keeps them, and the file that holds the answer."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns.errors import ConfigError
from pplns_deploy.locking import Lock, Pin, read_inputs, read_lock
from pplns_deploy.locking.lockfile import merge_pins, parse_pins

BARE = "[tool.pplns]\n"
names = st.sampled_from(["rows", "tables", "google-cloud-storage", "a", "b2", "fast-3x", "native", "z-9", "ab", "a-b"])
versions = st.builds("{}.{}".format, st.integers(0, 9), st.integers(0, 99))
hashes = st.lists(st.integers(0, 2**32 - 1).map("sha256:{:08x}".format), min_size=1, max_size=3, unique=True)
packages = st.dictionaries(names, st.tuples(versions, hashes), max_size=8)


def own_requirements(folder: Path, toml: str) -> set[str]:
    """Return what a project asks for beside what pplns needs."""
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    (empty / "pyproject.toml").write_text(BARE)
    ours = set(read_inputs(empty).requirements)
    (folder / "pyproject.toml").write_text(toml)
    return set(read_inputs(folder).requirements) - ours


@given(packages, packages)
def test_a_merged_lock_gives_each_platform_its_own(amd: dict, arm: dict):
    """Through its text and back: the same packages and versions, and all of their hashes."""
    both = {
        platform: [Pin(name, version, tuple(sorted(found))) for name, (version, found) in one.items()]
        for platform, one in (("linux/amd64", amd), ("linux/arm64", arm))
    }
    lock = Lock("sha256:0", "3.11", tuple(both), (), merge_pins(both))

    again = Lock("sha256:0", "3.11", tuple(both), (), parse_pins(lock.as_text()))

    assert again == lock
    for platform, pins in both.items():
        found = again.pins_on(platform)
        assert {name: pin.version for name, pin in found.items()} == {pin.name: pin.version for pin in pins}
        assert all(set(pin.hashes) <= set(found[pin.name].hashes) for pin in pins)


def test_requirements_come_from_the_project_table(tmp_path: Path):
    """Without pplns, whatever its extras, and sorted."""
    toml = '[project]\nname = "x"\nversion = "1"\ndependencies = ["rows", "Pplns[deploy]>=1", "cells>=2"]\n' + BARE

    assert own_requirements(tmp_path, toml) == {"rows", "cells>=2"}


def test_requirements_come_from_a_file(tmp_path: Path):
    """requirements.txt where `[project]` has no dependencies, or the file that is named; hashes and comments go."""
    (tmp_path / "more.txt").write_text("cells\n")
    (tmp_path / "requirements.txt").write_text(
        "# said\nrows==1.0 \\\n  --hash=sha256:00\n-r more.txt\ntables  # said\n"
    )
    assert own_requirements(tmp_path, BARE) == {"rows==1.0", "cells", "tables"}

    named = own_requirements(tmp_path, BARE + '[tool.pplns.lock]\nrequirements = "more.txt"\n')

    assert named == {"cells"}


def test_an_extra_of_the_project_is_a_group_too(tmp_path: Path):
    """For projects without dependency groups."""
    toml = '[project]\nname = "x"\nversion = "1"\ndependencies = []\noptional-dependencies = {ML = ["rows"]}\n'
    (tmp_path / "pyproject.toml").write_text(toml + '[tool.pplns.lock]\ngroups = {forecast = ["ml"]}\n')

    assert read_inputs(tmp_path).groups[("ml",)] == ("rows",)


@pytest.mark.parametrize(
    ("toml", "text", "message"),
    [
        (BARE + "[tool.pplns.lock]\npythn = '3.12'\n", "", "pythn"),
        (BARE + "[tool.pplns.lock]\npython = '3.9'\n", "", "python in"),
        (BARE + "[tool.pplns.lock]\nplatforms = ['linux/386']\n", "", "platforms in"),
        (BARE + "[tool.pplns.lock]\ngroups = ['ml']\n", "", "groups in"),
        (BARE + "[tool.pplns.lock]\ngroups = {a = ['ml']}\n", "", "'ml'"),
        (
            BARE + "[tool.pplns.lock]\ngroups = {a = ['x']}\n[dependency-groups]\nx = [{include-group = 'x'}]\n", "",
            "includes itself",
        ),
        (BARE + "[tool.pplns.lock]\nrequirements = 'absent.txt'\n", "", "absent.txt"),
        (BARE + "[tool.pplns]\n", "", "pyproject.toml"),
        (BARE, "--extra-index-url https://me:secret@example.com", "--extra-index-url"),
        (BARE, "--index-url=https://me:secret@example.com", "'--index-url' with an address"),
        (BARE, "-ihttps://me:secret@example.com", "with an address"),
        (BARE, "-r https://me:secret@example.com/more.txt", "'-r' with an address"),
        (BARE, "git+https://me:secret@example.com/mine.git", "'git+https://…'"),
        (BARE, "mine @ https://me:se@secret@example.com/mine.whl", "'mine'"),
        (BARE, "mine @ https://example.com/mine.whl?signature=secret", "'mine'"),
        (BARE, "-r requirements.txt", "includes itself"),
        ("dependency-groups = 3\n" + BARE + "[tool.pplns.lock]\ngroups = {a = ['x']}\n", "", "dependency-groups of"),
        ("project = 3\n" + BARE, "", "project of"),
        ('[project]\nname = "x"\ndependencies = 3\n' + BARE, "", "dependencies in [project]"),
        (BARE, "./wheels/mine", "./wheels/mine"),
        (BARE, "mine @ https://me:secret@example.com/mine.whl", "'mine'"),
        (BARE, "mine @ git+https://me:secret@example.com/mine.git", "'mine'"),
    ],
)  # fmt: skip
def test_what_cant_be_asked_for_is_refused(tmp_path: Path, toml: str, text: str, message: str):
    """By its name, without its credentials."""
    (tmp_path / "pyproject.toml").write_text(toml)
    (tmp_path / "requirements.txt").write_text(text)

    with pytest.raises(ConfigError) as refused:
        read_inputs(tmp_path)

    assert message in refused.value.met
    assert "secret" not in str(refused.value)


def test_code_that_would_be_installed_in_place_goes_elsewhere(tmp_path: Path):
    """An index setting wouldn't help it."""
    (tmp_path / "pyproject.toml").write_text(BARE)
    (tmp_path / "requirements.txt").write_text("-e git+https://me:secret@example.com/mine.git#egg=mine\n")

    with pytest.raises(ConfigError, match=r"'-e' with an address") as refused:
        read_inputs(tmp_path)

    assert "under `src`" in refused.value.hint


def test_a_file_that_pplns_hasnt_made_is_refused(tmp_path: Path):
    """Rather than written over or believed."""
    (tmp_path / "requirements.lock").write_text("rows==1.0\n")

    with pytest.raises(ConfigError, match="isn't a lock"):
        read_lock(tmp_path / "requirements.lock")


LOCKED = Lock("sha256:0", "3.11", ("linux/amd64",), (), (Pin("rows", "1.0", ("sha256:00",)),)).as_text()


@pytest.mark.parametrize(
    "text",
    [
        "# pplns-lock: 1\n", LOCKED.replace("# groups:\n", ""), LOCKED.encode("utf-16"),
        LOCKED.replace("rows==", "<<<<<<< HEAD\nrows==2.0 \\\n=======\nrows==") + ">>>>>>> other\n",
    ],
    ids=["cut off", "a line missing", "another encoding", "merged"],
)  # fmt: skip
def test_a_lock_that_is_no_longer_whole_is_refused(tmp_path: Path, text: str | bytes):
    """Two branches that locked leave both their versions in it; the remedy makes it anew."""
    (tmp_path / "requirements.lock").write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(ConfigError, match="Delete it, and run `pplns lock`"):
        read_lock(tmp_path / "requirements.lock")


def test_a_lock_with_the_ends_of_line_of_windows_is_read(tmp_path: Path):
    """As git writes it there."""
    (tmp_path / "requirements.lock").write_bytes(LOCKED.replace("\n", "\r\n").encode())

    lock = read_lock(tmp_path / "requirements.lock")

    assert lock is not None
    assert lock.as_text() == LOCKED
