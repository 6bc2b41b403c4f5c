"""A small project, a wheel of its own, a base without a system, and registries to push to."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from container_registry import LocalRegistry, registry_in
from containers import SYSTEM, Podman
from packaged_project import PYTHON, make_base, make_project, make_wheel, recipe_for
from pplns_deploy.image.build import build_image
from pplns_deploy.image.cache import Cache
from pplns_deploy.image.contents.bytecode import compile_entries, version_of
from pplns_deploy.image.contents.runtime import runtime_entries
from pplns_deploy.image.images import Base, Image, ignore
from pplns_deploy.image.layers import digest_of_entries, layer_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one pipeline."""
    return make_project(tmp_path / "sales")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of `tiny` 1.0, and a lock that names it with its hash."""
    folder = tmp_path_factory.mktemp("wheels")
    module = "NAMES = {'a', 'b', 'c'}\n\ndef hello(name='you'):\n    return f'hello {name}'\n"
    digest = make_wheel(folder, "tiny", {"tiny/__init__.py": module}, program="tiny:hello")
    (folder / "requirements.lock").write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
    return folder


@pytest.fixture(autouse=True)
def no_index(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have uv look into that folder only."""
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CONFIG", "1")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a cache that has the layer of pplns, which takes a while to compile."""
    folder = tmp_path_factory.mktemp("filled")
    entries = runtime_entries(python=PYTHON)
    version = version_of(sys.executable)
    layer_of(
        "pplns", (digest_of_entries(entries), PYTHON, str(version)), Cache(folder),
        lambda scratch: [
            *entries, *compile_entries(entries, interpreter=sys.executable, python=PYTHON, scratch=scratch),
        ],
    )  # fmt: skip
    return folder


@pytest.fixture
def cache(tmp_path: Path, filled: Path) -> Cache:
    """A cache of the test's own, where the layer of pplns is already."""
    shutil.copytree(filled, tmp_path / "cache")
    return Cache(tmp_path / "cache")


@pytest.fixture
def base(cache: Cache) -> Base:
    """A base that has one file, in no registry."""
    return make_base(cache)


@pytest.fixture
def image(project: Path, wheels: Path, base: Base, cache: Cache) -> Image:
    """The image of the small project."""
    return build_image(recipe_for(project, wheels), base, cache=cache, watch=ignore)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[LocalRegistry]:
    """A registry without users."""
    (tmp_path / "registry").mkdir()
    with registry_in(tmp_path / "registry") as running:
        yield running


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman with the image SYSTEM, a Debian with Python; or a skip that says what is missing."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the base of debootstrap has Python 3.11")
    running = Podman(tmp_path_factory.mktemp("podman"))
    running.import_base(SYSTEM)
    yield running
    running.forget(SYSTEM)
