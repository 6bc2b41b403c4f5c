"""`pplns lock` with uv itself, against an index on this machine."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pplns.errors import ConfigError
from pplns_deploy.image.contents.wheels import install_wheels
from pplns_deploy.locking import Lock, find_stale, lock_file_of, lock_project, read_lock
from pplns_deploy.locking.inputs import this_python
from pplns_deploy.locking.resolving import find_uv
from wheel_index import AMD64, ARM64, PASSWORD, USER, Index, serve_index

PROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = [{}]\n[tool.pplns]\n{}'


@pytest.fixture(scope="module")
def served() -> Iterator[Index]:
    with serve_index() as index:
        index.add("tables", "1.0")
        index.add("tables", "2.0", needs=("rows>=1",))
        index.add("rows", "1.0")
        index.add("fast", "1.0")
        index.add("fast", "2.0", tag=AMD64)
        index.add("native", "1.0", tag=AMD64)
        index.add("native", "1.0", tag=ARM64)
        index.add("only-here", "1.0", tag=AMD64)
        index.add_source("from-source", "1.0")
        yield index


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def index(served: Index, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """The index, in the user's own settings."""
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", served.url)
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    return served


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


def ask_for(folder: Path, *requirements: str, more: str = "") -> None:
    """Write a project with these requirements."""
    text = PROJECT.format(", ".join(f'"{one}"' for one in requirements), more)
    (folder / "pyproject.toml").write_text(text)


def locked_in(folder: Path, groups: tuple[str, ...] = ()) -> Lock:
    """Return the lock of a project."""
    lock = read_lock(lock_file_of(folder, groups))
    assert lock is not None
    return lock


def versions_on(lock: Lock, platform: str = "linux/amd64") -> dict[str, str]:
    """Return the versions that one platform gets."""
    return {name: pin.version for name, pin in lock.pins_on(platform).items()}


def test_a_lock_holds_each_package_with_its_hashes(index: Index, project: Path):
    """The project's, what they need, and what pplns needs, but not pplns."""
    ask_for(project, "tables", "pplns>=0.1")

    lock_project(project)

    lock = locked_in(project)
    assert versions_on(lock).items() >= {"tables": "2.0", "rows": "1.0", "google-cloud-storage": "2.18"}.items()
    assert "pplns" not in versions_on(lock)
    assert all(pin.hashes and pin.hashes[0].startswith("sha256:") for pin in lock.pins)


def test_a_lock_tells_no_address_and_no_credential(index: Index, project: Path):
    """Where packages come from stays in the user's settings."""
    ask_for(project, "tables")

    lock_project(project)

    text = lock_file_of(project).read_text()
    assert "http" not in text
    assert PASSWORD not in text
    assert str(project) not in text


def test_a_platform_that_lacks_a_wheel_gets_the_version_that_has_one(index: Index, project: Path):
    """One file: what differs stands there twice, each for its machine; wheels for both count as one."""
    ask_for(project, "fast", "native")

    lock_project(project)

    lock = locked_in(project)
    assert versions_on(lock, "linux/amd64")["fast"] == "2.0"
    assert versions_on(lock, "linux/arm64")["fast"] == "1.0"
    assert "fast==2.0 ; platform_machine == 'x86_64' \\" in lock_file_of(project).read_text()
    assert [len(pin.hashes) for pin in lock.pins if pin.name == "native"] == [2]


@pytest.mark.parametrize(
    ("requirement", "said"),
    [("from-source", "wheel"), ("only-here", "linux/arm64"), ("tables>=3", "tables>=3"), ("absent", "absent")],
)
def test_what_cant_be_locked_is_refused_and_nothing_written(index: Index, project: Path, requirement: str, said: str):
    """In uv's words, which name the package."""
    ask_for(project, requirement)

    with pytest.raises(ConfigError, match=said):
        lock_project(project)

    assert not lock_file_of(project).exists()


def test_a_project_may_leave_a_platform_out(index: Index, project: Path):
    """As the refusal says."""
    ask_for(project, "only-here", more='[tool.pplns.lock]\nplatforms = ["linux/amd64"]\n')

    lock_project(project)

    assert versions_on(locked_in(project))["only-here"] == "1.0"


def test_versions_stay_until_they_are_upgraded(index: Index, project: Path):
    """Another requirement moves nothing; `--upgrade` does."""
    ask_for(project, "tables<2")
    lock_project(project)
    ask_for(project, "tables", "rows")

    [kept] = lock_project(project)
    [upgraded] = lock_project(project, upgrade=True)

    assert kept.changes == (("rows", None, "1.0"),)
    assert upgraded.changes == (("tables", "1.0", "2.0"),)


def test_locking_again_changes_no_byte(index: Index, project: Path):
    """Whatever the order in which requirements are written."""
    ask_for(project, "tables", "rows")
    lock_project(project)
    before = lock_file_of(project).read_bytes()
    ask_for(project, "rows", "tables")

    lock_project(project)

    assert lock_file_of(project).read_bytes() == before


def test_a_group_that_a_pipeline_names_has_a_lock_of_its_own(index: Index, project: Path):
    """With the project's packages in the same versions; a group may include another."""
    groups = '[dependency-groups]\nml = ["native", {include-group = "more"}]\nmore = ["tables"]\n'
    ask_for(project, "tables<2", more=f'{groups}[tool.pplns.lock]\ngroups = {{forecast = ["ml"]}}\n')

    lock_project(project)

    assert "native" not in versions_on(locked_in(project))
    assert versions_on(locked_in(project, ("ml",))).items() >= {"native": "1.0", "tables": "1.0"}.items()
    assert lock_file_of(project, ("ml",)).name == "requirements.ml.lock"


@pytest.mark.parametrize(
    ("requirements", "more", "reason"),
    [
        (("tables", "rows"), "", "is stale: the requirements or [tool.uv] have changed since"),
        (("tables<2",), "", "is stale: the requirements or [tool.uv] have changed since"),
        (("tables",), '[tool.uv]\noverride-dependencies = ["rows<2"]\n', "[tool.uv] have changed since"),
        (("tables",), '[[tool.uv.index]]\nname = "own"\nurl = "http://127.0.0.1:9"\n', "[tool.uv] have changed since"),
        (("tables",), '[tool.pplns.lock]\npython = "3.14"\n', "and 3.14 is wanted"),
        (("tables",), '[tool.pplns.lock]\nplatforms = ["linux/amd64"]\n', "and linux/amd64 is wanted"),
    ],
)
def test_a_stale_lock_is_noticed(index: Index, project: Path, requirements, more: str, reason: str):
    """Without asking an index."""
    ask_for(project, "tables")
    assert [one.reason for one in find_stale(project)] == ["isn't there"]
    lock_project(project)
    assert find_stale(project) == []

    ask_for(project, *requirements, more=more)

    assert [one.reason.endswith(reason) for one in find_stale(project)] == [True]


def test_installers_take_a_lock_with_hashes_required(index: Index, project: Path):
    """uv installs it for the other platform too, from the same index."""
    ask_for(project, "tables", "fast")
    lock_project(project)
    target = project / "target"

    for machine in ("x86_64", "aarch64"):
        asked = [find_uv(), "pip", "install", "--require-hashes", "--no-deps", "-r", str(lock_file_of(project))]
        asked += ["--target", str(target), "--python-platform", f"{machine}-manylinux_2_28"]
        subprocess.run(asked, check=True, capture_output=True)

    installed = {path.name for path in target.glob("*.dist-info")}
    assert {"tables-2.0.dist-info", "rows-1.0.dist-info", "fast-1.0.dist-info"} <= installed


def test_wheels_come_from_the_indexes_of_the_project(
    index: Index, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Wherever the command is called: what `[tool.uv]` says held for the lock too."""
    plain = index.url.replace(f"{USER}:{PASSWORD}@", "")
    ask_for(project, "tables", more=f'[[tool.uv.index]]\nname = "own"\nurl = "{plain}"\ndefault = true\n')
    for name in ("UV_DEFAULT_INDEX", "UV_NO_CONFIG"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_INDEX_OWN_USERNAME", USER)
    monkeypatch.setenv("UV_INDEX_OWN_PASSWORD", PASSWORD)
    lock_project(project)
    monkeypatch.chdir(tmp_path)

    install_wheels(
        lock_file_of(project), root=project, target=tmp_path / "wheels", platform="linux/amd64", python=this_python()
    )

    assert (tmp_path / "wheels" / "tables.py").exists()


def require_python(folder: Path, versions: str) -> None:
    """Have a project say on which Pythons it runs."""
    file = folder / "pyproject.toml"
    file.write_text(file.read_text().replace('version = "1"', f'version = "1"\nrequires-python = "{versions}"'))


def test_a_python_that_the_project_does_not_run_on_is_refused(index: Index, project: Path):
    """The remedy names one that it does."""
    ask_for(project, "tables", more='[tool.pplns.lock]\npython = "3.30"\n')
    require_python(project, ">=3.12,<3.30")

    with pytest.raises(ConfigError, match=r"requires-python = '>=3\.12,<3\.30'") as refused:
        lock_project(project)

    assert refused.value.hint.startswith('Write python = "3.12"')


def test_a_lock_for_a_python_that_was_left_behind_is_stale(index: Index, project: Path):
    """Then this interpreter's counts, where the project runs on it."""
    ask_for(project, "tables", more='[tool.pplns.lock]\npython = "3.30"\n')
    lock_project(project)
    ask_for(project, "tables")
    require_python(project, "<3.30")

    [stale] = find_stale(project)
    [again] = lock_project(project)

    assert stale.reason == f"is for Python 3.30, and {this_python()} is wanted"
    assert again.lock.python == this_python()


@pytest.fixture
def second(index: Index) -> Iterator[Index]:
    """Another index, with another build of a package that the first has too."""
    with serve_index() as other:
        other.add("tables", "1.0+cpu")
        yield other


def ask_from(folder: Path, second: Index) -> None:
    """Write a project that takes `tables` from the second index, and nothing else."""
    explicit = f'[[tool.uv.index]]\nname = "cpu"\nurl = "{second.url}"\nexplicit = true\n'
    ask_for(folder, "tables", "rows", more=f'{explicit}[tool.uv.sources]\nTables = {{index = "cpu"}}\n')


def test_a_package_comes_from_the_index_that_is_its_source(second: Index, project: Path, tmp_path: Path):
    """Such as a build without CUDA: locked from there, fetched from there, and not from an index that is newer."""
    ask_from(project, second)

    lock_project(project)
    install_wheels(
        lock_file_of(project), root=project, target=tmp_path / "wheels", platform="linux/amd64", python=this_python()
    )

    assert versions_on(locked_in(project)).items() >= {"tables": "1.0+cpu", "rows": "1.0"}.items()
    assert {path.name for path in (tmp_path / "wheels").glob("tables*")} == {"tables.py", "tables-1.0+cpu.dist-info"}
    assert find_stale(project) == []


def test_credentials_of_an_index_make_no_lock_stale(second: Index, project: Path):
    """Who asks is no part of what is asked for."""
    ask_from(project, second)
    lock_project(project)

    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace(PASSWORD, "another"))

    assert find_stale(project) == []


@pytest.mark.parametrize("source", ['{git = "https://me:secret@example.com/tables"}', '[{path = "../tables"}]'])
def test_a_source_that_is_no_index_is_refused(index: Index, project: Path, source: str):
    """As an address in a requirement is: otherwise a stranger's package of the same name could be locked."""
    ask_for(project, "tables", more=f"[tool.uv.sources]\ntables = {source}\n")

    with pytest.raises(ConfigError, match=r"'tables' come from '(git|path)'") as refused:
        lock_project(project)

    assert "secret" not in str(refused.value)


def test_a_source_of_another_group_counts_for_that_group_only(second: Index, project: Path):
    """A source may say for which group it is."""
    ask_from(project, second)
    file = project / "pyproject.toml"
    text = file.read_text().replace('{index = "cpu"}', '[{index = "cpu", group = "small"}]')
    groups = '[dependency-groups]\nsmall = ["tables"]\n[tool.pplns.lock]\ngroups = {forecast = ["small"]}\n'
    file.write_text(text + groups)

    lock_project(project)

    assert versions_on(locked_in(project))["tables"] == "2.0"
    assert versions_on(locked_in(project, ("small",)))["tables"] == "1.0+cpu"


def test_an_index_that_is_away_is_no_fault_of_the_requirements(
    index: Index, project: Path, monkeypatch: pytest.MonkeyPatch
):
    """The remedy is at the network."""
    ask_for(project, "tables")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")

    with pytest.raises(ConfigError) as refused:
        lock_project(project)

    assert refused.value.hint.startswith("Check the network")
