"""Images for linux/arm64 made on whatever machine this is: base, wheels and configuration are that platform's."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from container_registry import LocalRegistry
from layer_contents import content
from packaged_project import PYTHON, make_base, make_wheel, manifest_of, put_base, put_index, recipe_for
from pplns.errors import ConfigError
from pplns_deploy.image.bases import find_base
from pplns_deploy.image.build import build_image
from pplns_deploy.image.cache import Cache
from pplns_deploy.image.images import Image, ignore
from pplns_deploy.image.references import parse_reference
from pplns_deploy.image.registry.pushing import Pushing

pytestmark = pytest.mark.needs_registry
MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of `native`, which has a wheel for each platform."""
    folder = tmp_path / "native"
    folder.mkdir()
    hashes = [
        make_wheel(
            folder, "native", {"native.py": f"MACHINE = '{machine}'\n"}, tag=f"py3-none-manylinux_2_17_{machine}"
        )
        for machine in MACHINES.values()
    ]
    (folder / "requirements.lock").write_text(f"native==1.0 {' '.join(f'--hash=sha256:{one}' for one in hashes)}\n")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def base_name(registry: LocalRegistry, cache: Cache) -> str:
    """A base in the registry whose index has both platforms."""
    bases = {
        "linux/amd64": make_base(cache),
        "linux/arm64": make_base(cache, architecture="arm64", variant="v8"),
    }
    for platform, base in bases.items():
        put_base(registry, base, cache, tag=platform.replace("/", "-"))
    put_index(registry, "base", "all", {platform: manifest_of(base) for platform, base in bases.items()})
    return f"{registry.host}/base:all"


def build(platform: str, base_name: str, *, registry: LocalRegistry, project: Path, lock: Path, cache: Cache) -> Image:
    """Build the image of a project for a platform."""
    base = find_base(registry.client(), parse_reference(base_name), platform=platform, cache=cache)
    return build_image(recipe_for(project, lock, platform=platform), base, cache=cache, watch=ignore)


@pytest.fixture
def images(base_name: str, registry: LocalRegistry, project: Path, both: Path, cache: Cache) -> dict[str, Image]:
    """The images of a project for both."""
    return {
        one: build(one, base_name, registry=registry, project=project, lock=both, cache=cache) for one in MACHINES
    }  # fmt: skip


@pytest.mark.parametrize("platform", MACHINES)
def test_an_image_is_of_its_platform(images: dict[str, Image], cache: Cache, platform: str):
    """The base's layers and variant, the platform's wheel, and its name in the configuration."""
    image = images[platform]
    config = json.loads(image.config.data)

    assert f"{config['os']}/{config['architecture']}" == platform
    assert config.get("variant") == ("v8" if platform == "linux/arm64" else None)
    assert content(image, cache, "wheels", f"opt/pplns/lib/python{PYTHON}/site-packages/native.py").decode() == (
        f"MACHINE = '{MACHINES[platform]}'\n"
    )
    assert config["rootfs"]["diff_ids"][0] == image.base.layers[0].diff_id


def test_what_is_pure_python_is_one_layer_for_both(images: dict[str, Image]):
    """Bytecode too: it belongs to a version of Python, not to a machine."""
    one, other = images.values()
    same = {a.name: a.digest == b.digest for a, b in zip(one.layers, other.layers, strict=True)}

    assert same == {"wheels": False, "pplns": True, "project": True}
    assert one.base.layers != other.base.layers
    assert one.base.reference == other.base.reference


def test_a_platform_that_the_base_lacks_is_refused(registry: LocalRegistry, cache: Cache):
    """The error says for which it is there."""
    base = make_base(cache)
    name = put_base(registry, base, cache)
    put_index(registry, "base", "one", {"linux/amd64": manifest_of(base)})

    for asked in (name, f"{registry.host}/base:one"):
        with pytest.raises(ConfigError, match=r"isn't there for linux/arm64.*linux/amd64"):
            find_base(registry.client(), parse_reference(asked), platform="linux/arm64", cache=cache)


@pytest.mark.needs_skopeo
def test_skopeo_takes_the_platform_that_it_asks_for(
    images: dict[str, Image], registry: LocalRegistry, cache: Cache, tmp_path: Path
):
    """From an index of both, as a machine of that kind would pull it."""
    if shutil.which("skopeo") is None:
        pytest.skip("no skopeo here: apt-get install skopeo")
    target = parse_reference(f"{registry.host}/sales")
    for image in images.values():
        pushing = Pushing(registry.client(), target, cache=cache, watch=ignore)
        pushing.push(image, tags=(image.platform.partition("/")[2],), fetch_base=lambda one: cache.path(one.digest))
    put_index(registry, "sales", "both", {platform: image.manifest for platform, image in images.items()})

    for platform, image in images.items():
        copy = tmp_path / platform.partition("/")[2]
        skopeo("copy", f"docker://{registry.host}/sales:both", f"dir:{copy}", platform=platform)
        shown = json.loads(skopeo("inspect", f"docker://{registry.host}/sales@{image.digest}", platform=platform))

        assert json.loads((copy / "manifest.json").read_text()) == json.loads(image.manifest.data)
        assert f"{shown['Os']}/{shown['Architecture']}" == platform


def skopeo(command: str, *places: str, platform: str) -> str:
    """Call skopeo as on a machine of a platform."""
    machine = platform.partition("/")[2]
    unverified = "--src-tls-verify=false" if command == "copy" else "--tls-verify=false"
    done = subprocess.run(
        ["skopeo", "--override-os", "linux", "--override-arch", machine, command, unverified, *places],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout
