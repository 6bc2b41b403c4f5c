"""Names of images, and `[tool.pplns.image]`."""

from pathlib import Path

import pytest

from pplns.errors import ConfigError
from pplns_deploy.image.provenance import read_provenance, web_address
from pplns_deploy.image.references import parse_reference
from pplns_deploy.image.settings import ImageSettings, read_image_settings

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("python:3.12-slim", "docker.io/library/python:3.12-slim"),
        ("team/app", "docker.io/team/app"),
        ("localhost/app:1", "localhost/app:1"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b"),
        ("[::1]:5000/a", "[::1]:5000/a"),
        ("http://registry.lan:5000/a", "registry.lan:5000/a"),
        (f"europe-docker.pkg.dev/p/r/i:t@{DIGEST}", f"europe-docker.pkg.dev/p/r/i:t@{DIGEST}"),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, whole: str):
    """A name without a host is Docker Hub's."""
    assert str(parse_reference(text)) == whole


@pytest.mark.parametrize("text", ["", "UPPER/case", "a:b:c", "a@sha256:12", "host.x/", "host.x/a b", "a/b:-t"])
def test_what_names_no_image_is_refused(text: str):
    """The error says which part is wrong."""
    with pytest.raises(ConfigError, match="names no image"):
        parse_reference(text)


@pytest.mark.parametrize(
    ("text", "scheme"),
    [("localhost:5000/a", True), ("127.0.0.1:5000/a", True), ("registry.example.com/a", False)],
)
def test_only_registries_of_this_machine_may_do_without_tls(text: str, scheme: bool):
    """As docker has it; others by http:// in front."""
    assert parse_reference(text).is_local is scheme


@pytest.mark.parametrize(
    "remote",
    [
        "git@git.example.com:team/sales.git", "https://git.example.com/team/sales",
        "ssh://git@git.example.com:22/team/sales",
        "https://user:token@git.example.com/team/sales.git", "https://user:to@ken@git.example.com/team/sales.git",
        "https://git.example.com:8443/team/sales.git?private_token=x",
    ],
)  # fmt: skip
def test_the_source_is_one_address_however_it_was_cloned(remote: str):
    """Or the digest would differ from one laptop to the next."""
    assert web_address(remote) == "https://git.example.com/team/sales"


@pytest.mark.parametrize(
    "remote", ["/srv/sales.git", "C:/repositories/sales", "C:\\repositories\\sales", "file:///sales"]
)
def test_a_folder_of_this_machine_is_no_source(remote: str):
    """A drive of Windows is no host either."""
    assert web_address(remote) is None


def test_the_source_that_the_settings_name_loses_its_credentials(tmp_path: Path):
    """It is a label of the image, which everybody reads who may pull it."""
    assert read_provenance(tmp_path, source="https://me:token@git.example.com/sales").source == (
        "https://git.example.com/sales"
    )


def settings(folder: Path, text: str, **given: str | None) -> ImageSettings:
    (folder / "pyproject.toml").write_text(f"[tool.pplns]\n{text}")
    return read_image_settings(folder, given)


def test_a_flag_wins_over_the_file(tmp_path: Path):
    """And the file over the default."""
    read = settings(tmp_path, '[tool.pplns.image]\nbase = "a"\nrepository = "r/x"\n', base="b", python=None)

    assert (read.base, read.repository, read.platform) == ("b", "r/x", "linux/amd64")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[tool.pplns.image]\nbse = "a"\n', "Did you mean 'base'"), ("[tool.pplns.image]\nbase = 3\n", "takes a text"),
        ('[tool.pplns.image]\npython = "3.9"\n', "from 3.11"),
        ('[tool.pplns.image]\npython = "3.12.1"\n', "without the patch"),
        ('[tool.pplns.image]\nplatform = "windows/amd64"\n', "linux/amd64"), ("image = 3\n", "are a table"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused(tmp_path: Path, text: str, complaint: str):
    """With its place and a way out."""
    with pytest.raises(ConfigError, match=complaint):
        settings(tmp_path, text)
