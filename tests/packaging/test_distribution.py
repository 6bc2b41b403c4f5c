"""What is released: the sdist and, built from it, the wheel. Neither carries what a checkout has lying around."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest

from pplns import __version__

ROOT = Path(__file__).parents[2]
FOLDERS = ["service", "deploy", "pipelines", "docs", "changelog.d", "benchmarks", ".ci", "terraform"]
FILES = ["pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", ".gitignore"]
LEFTOVERS = [
    "service/pplns/__pycache__/left.cpython-311.pyc",
    "service/pplns/model/__pycache__/left.cpython-311.pyc",
    "pipelines/nyc_flights/__pycache__/left.cpython-311.pyc",
    "pipelines/nyc_flights/out/left.parquet",
    "pipelines/.pplns/left/run.json",
    "deploy/pplns_deploy/.terraform/left",
    "deploy/pplns_deploy/terraform.tfstate",
    "deploy/pplns_deploy/terraform.tfstate.backup",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both archives, built as a release is: the wheel from the sdist, from a checkout in use."""
    checkout = tmp_path_factory.mktemp("checkout")
    for folder in FOLDERS:
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, checkout / folder)
    for file in FILES:
        shutil.copy(ROOT / file, checkout / file)
    for leftover in LEFTOVERS:
        (checkout / leftover).parent.mkdir(parents=True, exist_ok=True)
        (checkout / leftover).write_bytes(b"left")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(checkout / "dist"), str(checkout)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Iterator[zipfile.ZipFile]:
    """The wheel, open."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


@pytest.fixture(scope="module")
def sdist_names(built: Path) -> set[str]:
    """The files of the sdist, without its own folder."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return BytesParser().parsebytes(wheel.read(f"pplns-{__version__}.dist-info/METADATA"))


def sources_of(folder: str, package: str) -> set[str]:
    return {
        path.relative_to(ROOT / folder).as_posix()
        for path in (ROOT / folder / package).rglob("*")
        if path.is_file() and path.suffix in {".py", ".typed"}
    }


def test_the_wheel_brings_two_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """No `tests`, `service` or `pipelines` folder lands in anyone's site-packages."""
    assert {name.split("/")[0] for name in wheel.namelist()} == {
        "pplns", "pplns_deploy", f"pplns-{__version__}.dist-info",
    }  # fmt: skip


@pytest.mark.parametrize(("folder", "package"), [("service", "pplns"), ("deploy", "pplns_deploy")])
def test_the_wheel_brings_every_module(wheel: zipfile.ZipFile, folder: str, package: str) -> None:
    """And the marks that say that they are typed."""
    assert sources_of(folder, package) <= set(wheel.namelist())
    assert f"{package}/py.typed" in wheel.namelist()


def test_the_wheel_brings_the_example_with_its_data(wheel: zipfile.ZipFile) -> None:
    """`pplns init --example nyc_flights` needs no checkout."""
    example = {name.partition("_assets/pipelines/")[2] for name in wheel.namelist() if "_assets/pipelines/" in name}

    assert {
        "nyc_flights/pipeline.py",
        "nyc_flights/README.md",
        "nyc_flights/data/flights_2013-01.csv.gz",
        "nyc_flights/data/weather_2013-01.csv.gz",
        "nyc_flights/data/planes.csv",
        "nyc_flights/data/airlines.csv",
    } <= example


def test_neither_archive_brings_what_lay_around(wheel: zipfile.ZipFile, sdist_names: set[str]) -> None:
    """Bytecode, stores, outputs and Terraform's state stay in the checkout."""
    for name in {*wheel.namelist(), *sdist_names}:
        assert "left" not in {part.partition(".")[0] for part in Path(name).parts}
        assert "__pycache__" not in name
        assert ".tfstate" not in name
        assert ".terraform" not in name


def test_the_wheel_has_the_whole_terraform_configuration(wheel: zipfile.ZipFile) -> None:
    """Every module, byte for byte, and nothing that Terraform left there."""
    mark = "_assets/terraform/"
    packed = {name.partition(mark)[2]: name for name in wheel.namelist() if mark in name}
    files = [one for one in (ROOT / "terraform").rglob("*") if one.is_file() and ".terraform" not in one.as_posix()]

    assert set(packed) == {one.relative_to(ROOT / "terraform").as_posix() for one in files}
    assert all(wheel.read(packed[one.relative_to(ROOT / "terraform").as_posix()]) == one.read_bytes() for one in files)


def test_the_sdist_is_enough_to_build_and_to_read(sdist_names: set[str]) -> None:
    """Sources, the settings of the build, the documents."""
    assert {
        "pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "PKG-INFO", "docs/README.md",
        "service/pplns/__init__.py", "deploy/pplns_deploy/__init__.py", "pipelines/nyc_flights/pipeline.py",
    } <= sdist_names  # fmt: skip


def test_the_metadata_says_what_it_is(metadata: Message) -> None:
    """Name, version, Python, licence, and the README as the long description."""
    assert (metadata["Name"], metadata["Version"]) == ("pplns", __version__)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_all("Provides-Extra") == ["deploy", "dev", "emulate", "terraform"]


def test_every_dependency_has_a_lower_bound(metadata: Message) -> None:
    """CI installs exactly these bounds and runs the tests with them."""
    needed = [line.partition(";")[0] for line in metadata.get_all("Requires-Dist", [])]

    assert [line for line in needed if ">=" not in line] == []
    assert not {"rich", "google-cloud-run"} & {line.partition(">")[0] for line in base_requirements(metadata)}


def base_requirements(metadata: Message) -> list[str]:
    return [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]


def test_the_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    """One command, `pplns`."""
    entry_points = wheel.read(f"pplns-{__version__}.dist-info/entry_points.txt").decode()

    assert "[console_scripts]\npplns = pplns_deploy.cli:main\n" in entry_points
