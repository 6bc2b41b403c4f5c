"""Pushing to a real registry: what is sent, what isn't, and that a tag never names half of an image."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from container_registry import LocalRegistry, log_in, registry_in
from faulty_registry import TOKEN, FaultyRegistry, Trouble, plain_answers
from packaged_project import make_base, put_base, recipe_for
from pplns.errors import ConfigError, RegistryError
from pplns.stores.gcs.patience import Patience
from pplns_deploy.image.bases import fetch_layer, find_base
from pplns_deploy.image.build import build_image
from pplns_deploy.image.cache import Cache
from pplns_deploy.image.contents.entries import Entry
from pplns_deploy.image.images import Image, TransferEnded, ignore
from pplns_deploy.image.layers import write_layer
from pplns_deploy.image.references import parse_reference
from pplns_deploy.image.registry import uploads
from pplns_deploy.image.registry.calls import Registry
from pplns_deploy.image.registry.pushing import Pushed, Pushing
from pplns_deploy.image.registry.tokens import parse_challenge

pytestmark = pytest.mark.needs_registry
QUICK = Patience(seconds=15.0, answer_s=10.0, first_wait_s=0.01, longest_wait_s=0.05)
HASTY = Patience(seconds=0.3, answer_s=10.0, first_wait_s=0.01, longest_wait_s=0.05)


def push(
    host: str, image: Image, cache: Cache, *, repository="sales", tag="v1", environ=None, watch=ignore, patience=QUICK
):
    """Push an image to a registry, directly or by its proxy."""
    target = parse_reference(f"{host}/{repository}")
    client = Registry(target, environ=environ or {"DOCKER_CONFIG": "/nonexistent"}, patience=patience)
    pushing = Pushing(client, target, cache=cache, watch=watch, chunk_bytes=200_000)
    pushed: Pushed = pushing.push(image, tags=(tag,), fetch_base=lambda layer: cache.path(layer.digest))
    return pushed


def inspect(registry: LocalRegistry, reference: str, *options: str) -> dict:
    """Return what skopeo says of an image."""
    if shutil.which("skopeo") is None:
        pytest.skip("no skopeo here: apt-get install skopeo")
    done = subprocess.run(
        ["skopeo", "inspect", *options, f"docker://{registry.host}/{reference}"], capture_output=True, check=True
    )
    return json.loads(done.stdout)


def test_a_second_push_sends_nothing_again(registry: LocalRegistry, image: Image, cache: Cache):
    """But the manifests, under two kilobytes each."""
    first = push(registry.host, image, cache)
    second = push(registry.host, image, cache, tag="v2")

    assert first.sent_bytes > sum(layer.size_bytes for layer in image.layers)
    assert second.sent_bytes < 4000
    assert registry.tags("sales")[-2:] == ["v1", "v2"]


@pytest.mark.needs_skopeo
def test_skopeo_pulls_it_by_digest(registry: LocalRegistry, image: Image, cache: Cache, tmp_path: Path):
    """Every blob, compared with its digest."""
    push(registry.host, image, cache)

    assert inspect(registry, f"sales@{image.digest}", "--tls-verify=false")["Digest"] == image.digest
    subprocess.run(
        ["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{registry.host}/sales@{image.digest}",
         f"oci:{tmp_path / 'copy'}"], check=True,
    )  # fmt: skip


@pytest.mark.needs_skopeo
def test_the_bill_of_materials_is_found_from_the_image(registry: LocalRegistry, image: Image, cache: Cache):
    """By the tag that stands for the referrers where the registry lists none, and once only."""
    push(registry.host, image, cache)
    push(registry.host, image, cache)

    tag = image.digest.replace(":", "-")
    index = inspect(registry, f"sales:{tag}", "--tls-verify=false", "--raw")
    assert [one["digest"] for one in index["manifests"]] == [image.attached.digest]
    assert index["manifests"][0]["artifactType"] == "application/vnd.cyclonedx+json"


def test_a_blob_of_another_repository_is_mounted(registry: LocalRegistry, image: Image, cache: Cache):
    """Where this machine knows that it is there, nothing is sent."""
    push(registry.host, image, cache)
    told: list[TransferEnded] = []

    push(registry.host, image, cache, repository="other", watch=told.append)

    assert {one.how for one in told if isinstance(one, TransferEnded)} == {"mounted"}


def test_users_are_told_by_dockers_configuration(tmp_path: Path, image: Image, cache: Cache):
    """Basic auth; without it the registry's refusal says what to do."""
    (tmp_path / "registry").mkdir()
    with registry_in(tmp_path / "registry", has_users=True) as registry:
        with pytest.raises(RegistryError, match=r"without credentials.*docker login"):
            push(registry.host, image, cache, environ=registry.environ)
        log_in(tmp_path / "registry", registry.host)

        push(registry.host, image, cache, environ=registry.environ)

        assert registry.tags("sales")[-1] == "v1"


def test_an_authority_of_ones_own_is_named(tmp_path: Path, image: Image, cache: Cache):
    """And the certificate is refused without it."""
    (tmp_path / "registry").mkdir()
    with registry_in(tmp_path / "registry", has_tls=True) as registry:
        with pytest.raises(RegistryError, match="isn't trusted"):
            push(registry.host, image, cache)

        push(registry.host, image, cache, environ=registry.environ)

        assert registry.tags("sales")[-1] == "v1"


TROUBLES = [
    Trouble("HEAD", "/blobs/", "refuse", status=500, times=3),
    Trouble("POST", "/uploads/", "refuse", status=429, times=2, headers={"Retry-After": "0"}),
    Trouble("POST", "/uploads/", "cut", times=2),
    Trouble("PATCH", "/uploads/", "cut_body", times=2),
    Trouble("PATCH", "/uploads/", "lose_answer", times=2),
    Trouble("PATCH", "/uploads/", "refuse", status=502, times=2),
    Trouble("PUT", "/uploads/", "cut_body", times=2),
    Trouble("PUT", "/uploads/", "lose_answer", times=2),
    Trouble("PUT", "/uploads/", "refuse", status=503, times=2),
    Trouble("PUT", "/manifests/", "cut", times=2),
    Trouble("PUT", "/manifests/", "lose_answer", times=2),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda one: f"{one.how} {one.method} {one.about.strip('/')}")
def test_a_push_survives(registry, image: Image, cache: Cache, trouble: Trouble):
    """Broken connections, lost answers, busy registries: waited out, and gone on with."""
    with FaultyRegistry(registry.host) as proxy:
        proxy.troubles.append(Trouble(**{name: getattr(trouble, name) for name in Trouble.__slots__}))

        push(proxy.host, image, cache)

        assert not any(one.times for one in proxy.troubles)
    assert registry.tags("sales")[-1] == "v1"


def test_tokens_are_fetched_for_what_is_done(registry: LocalRegistry, image: Image, cache: Cache, tmp_path: Path):
    """A bearer challenge is answered with the scope of the repository, and the user's credentials."""
    with FaultyRegistry(registry.host, asks_for_token=True) as proxy:
        log_in(tmp_path, proxy.host)

        push(proxy.host, image, cache, environ={"DOCKER_CONFIG": str(tmp_path)})

        paths = [path for path, _ in proxy.token_requests]
        assert all(header and header.startswith("Basic ") for _, header in proxy.token_requests)
    assert any("scope=repository%3Asales%3Apull%2Cpush" in path and "service=test" in path for path in paths)


@pytest.mark.parametrize("about", ["HEAD /blobs/", "PUT /uploads/", "PUT /manifests/sha256:"])
def test_a_push_that_fails_tags_nothing_and_can_be_repeated(registry, image: Image, cache: Cache, about: str):
    """The tag is the very last that is put up."""
    method, path = about.split()
    with FaultyRegistry(registry.host) as proxy:
        proxy.troubles.append(Trouble(method, path, "refuse", status=503, times=10_000))
        with pytest.raises(RegistryError, match="Try again"):
            push(proxy.host, image, cache, patience=HASTY)
        assert "v1" not in registry.tags("sales")
        proxy.troubles.clear()

        push(proxy.host, image, cache)

    assert "v1" in registry.tags("sales")


def test_a_refusal_has_the_registrys_words(registry: LocalRegistry, image: Image, cache: Cache):
    """And isn't repeated: it would be refused again."""
    with FaultyRegistry(registry.host) as proxy:
        proxy.troubles.append(Trouble("POST", "/uploads/", "refuse", status=403, times=100))

        with pytest.raises(RegistryError, match="403 DENIED by order"):
            push(proxy.host, image, cache)


@pytest.mark.parametrize("about", ["/uploads/", "/manifests/sha256:", "/manifests/v1"])
def test_a_registry_that_has_moved_is_no_success(registry: LocalRegistry, image: Image, cache: Cache, about: str):
    """It answers with another address, and has taken nothing."""
    with FaultyRegistry(registry.host) as proxy:
        moved = {"Location": f"http://{registry.host}/v2/elsewhere"}
        for method in ("POST", "PUT"):
            proxy.troubles.append(Trouble(method, about, "refuse", status=307, times=100, headers=moved))

        with pytest.raises(RegistryError, match="refused to"):
            push(proxy.host, image, cache)


def test_credentials_go_to_the_registry_only(registry: LocalRegistry, image: Image, cache: Cache, tmp_path: Path):
    """An upload that it sends to another host has what it needs in its address."""
    layer = image.layers[0]
    with FaultyRegistry(registry.host, asks_for_token=True) as proxy, FaultyRegistry(registry.host) as store:
        log_in(tmp_path, proxy.host)
        client = Registry(parse_reference(f"{proxy.host}/sales"), environ={"DOCKER_CONFIG": str(tmp_path)})
        begun = uploads.Uploads(client, "sales").begin("begin").replace(proxy.host, store.host)
        there = {"Location": begun}
        proxy.troubles.append(Trouble("POST", "/uploads/", "refuse", status=202, headers=there))

        uploads.Uploads(client, "sales").send(layer.digest, cache.path(layer.digest), lambda _: None)

        assert ("PUT", None) in {(method, sent) for method, sent in store.authorized}
        assert {sent for _, sent in proxy.authorized} == {None, f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "header",
    [
        'Bearer realm="https://auth.example/token",service="r"', 'bearer service="r", realm="https://auth.example/token"',
        'Basic realm="r", Bearer realm="https://auth.example/token",service="r"',
        'Bearer realm="https://auth.example/token",service="r", Basic realm="r"',
    ],
)  # fmt: skip
def test_of_two_challenges_the_token_is_taken(header: str):
    """A registry may offer both, in one header; their parameters have the same names."""
    challenge = parse_challenge(header)

    assert challenge.scheme == "bearer"
    assert challenge.parameters == {"realm": "https://auth.example/token", "service": "r"}


def test_a_layer_is_sent_in_chunks_from_the_file(registry: LocalRegistry, image: Image, cache: Cache):
    """No request is larger than a chunk."""
    target = parse_reference(f"{registry.host}/sales")
    moved: list[int] = []
    uploading = uploads.Uploads(Registry(target, environ={}), "sales", chunk_bytes=100_000)
    layer = image.layers[1]

    uploading.send(layer.digest, cache.path(layer.digest), moved.append)

    assert uploading.has(layer.digest)
    assert sum(moved) == layer.size_bytes


def test_the_bytes_of_another_digest_are_refused(registry: LocalRegistry, image: Image, cache: Cache):
    """After one more try the error says so."""
    file = cache.path(image.layers[0].digest)

    with pytest.raises(RegistryError, match="its bytes are others"):
        uploads.Uploads(registry.client(), "sales").send(f"sha256:{'0' * 64}", file, lambda _: None)


def test_a_base_of_another_registry_is_fetched_and_sent(registry: LocalRegistry, project, wheels, tmp_path: Path):
    """Into the cache, compared with its digest, and from there."""
    cache, elsewhere = Cache(tmp_path / "cache"), Cache(tmp_path / "elsewhere")
    name = put_base(registry, make_base(elsewhere), elsewhere)
    with FaultyRegistry(registry.host) as proxy:
        asked = parse_reference(name.replace(registry.host, proxy.host))
        client = Registry(asked, environ={}, patience=QUICK)
        found = find_base(client, asked, platform="linux/amd64", cache=cache)
        image = build_image(recipe_for(project, wheels), found, cache=cache, watch=ignore)
        proxy.troubles.append(Trouble("GET", f"/blobs/{found.layers[0].digest}", "refuse", status=500))

        file = fetch_layer(client, found, found.layers[0], cache=cache, watch=ignore)

    assert file == cache.path(found.layers[0].digest)
    assert push(registry.host, image, cache).sent_bytes > 0


@pytest.mark.parametrize("spoiled", ["/blobs/", "/manifests/sha256"])
def test_spoiled_bytes_are_refused(registry: LocalRegistry, tmp_path: Path, spoiled: str):
    """What comes from a registry is compared with its digest, and what is wrong isn't kept."""
    cache, elsewhere = Cache(tmp_path / "cache"), Cache(tmp_path / "elsewhere")
    base = make_base(elsewhere)
    digest = put_base(registry, base, elsewhere) and inspect_digest(registry, elsewhere)
    with FaultyRegistry(registry.host) as proxy:
        asked = parse_reference(f"{proxy.host}/base@{digest}")
        proxy.troubles.append(Trouble("GET", spoiled, "spoil"))

        with pytest.raises(RegistryError, match="other bytes"):
            find_base(Registry(asked, environ={}, patience=QUICK), asked, platform="linux/amd64", cache=cache)

        assert find_base(Registry(asked, environ={}, patience=QUICK), asked, platform="linux/amd64", cache=cache)


def inspect_digest(registry: LocalRegistry, cache: Cache) -> str:
    """Return the digest of the base in a registry."""
    asked = parse_reference(f"{registry.host}/base:1")
    return str(find_base(registry.client(), asked, platform="linux/amd64", cache=cache).reference.digest)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>Sign in</html>", b"[]", b"null", b"\xff", b'{"manifests": null}', b'{"manifests": [{"platform": {}}]}',
        b'{"layers": [], "config": {"digest": "sha256:0"}}', b'{"layers": 3, "config": 4}',
    ],
)  # fmt: skip
def test_an_answer_that_is_no_image_is_the_registrys_fault(cache: Cache, answer: bytes):
    """A page to sign in to the network, for one; not a bug of pplns."""
    with plain_answers(answer) as host:
        asked = parse_reference(f"http://{host}/base:1")

        with pytest.raises(RegistryError, match="isn't one"):
            find_base(Registry(asked, environ={}), asked, platform="linux/amd64", cache=cache)


def test_an_upload_without_an_address_is_the_registrys_fault(image: Image, cache: Cache):
    """As the specification has it, there is one."""
    layer = image.layers[0]
    with plain_answers(b"", status=202) as host:
        client = Registry(parse_reference(f"http://{host}/sales"), environ={})

        with pytest.raises(RegistryError, match="isn't one"):
            uploads.Uploads(client, "sales").send(layer.digest, cache.path(layer.digest), lambda _: None)


def test_a_base_that_is_not_there_is_named(registry: LocalRegistry, cache: Cache):
    """With the setting to correct."""
    asked = parse_reference(f"{registry.host}/nothing:1")

    with pytest.raises(ConfigError, match=r"There is no image .*nothing:1"):
        find_base(registry.client(), asked, platform="linux/amd64", cache=cache)


def test_a_base_whose_registry_is_away_may_be_another(cache: Cache):
    """Where the default one can't be reached, the remedy names the setting."""
    asked = parse_reference("127.0.0.1:1/python:3.12-slim")

    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:1 didn't give the manifest") as refused:
        find_base(Registry(asked, environ={}, patience=HASTY), asked, platform="linux/amd64", cache=cache)

    assert "`base` in [tool.pplns.image]" in refused.value.hint


def test_a_registry_that_is_not_there_is_an_error_in_time(image: Image, cache: Cache):
    """It says which, and that nothing is lost."""
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:1 didn't"):
        push("127.0.0.1:1", image, cache, patience=HASTY)


def test_a_link_is_part_of_a_layer_only_once(cache: Cache):
    """The same entries are the same layer."""
    entries = [Entry("a/b", b"x"), Entry("a/link", target="b")]

    assert write_layer("x", entries, cache) == write_layer("x", reversed(entries), cache)
