"""What enters the layer of the project, and what never does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from layer_contents import content, members
from packaged_project import PYTHON, make_project, recipe_for
from pplns.errors import ConfigError
from pplns_deploy.image.archive import write_archive
from pplns_deploy.image.build import build_image
from pplns_deploy.image.contents.project import project_files
from pplns_deploy.image.images import ignore
from pplns_deploy.terraform import VARIABLES_FILE

KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
SECRETS = {
    ".env": "A=1", ".env.prod": "A=1", "pipelines/.env": "A=1", ".git/config": "[core]", "sub/.git/HEAD": "x",
    "terraform.tfstate": "{}", "infra/terraform.tfstate.backup": "{}", ".terraform/providers/x": "x",
    "credentials.json": "{}", "config/service-account-prod.json": "{}", "client_secret_1.json": "{}", "server.key": KEY,
    "id_rsa": KEY, "id_ed25519.pub": "x", "store.p12": "x", ".netrc": "x", ".ssh/config": "x", ".aws/credentials": "x",
    ".pypirc": "x", ".pplns/runs/x": "x", "__pycache__/a.pyc": "x", "pipelines/__pycache__/b.cpython-311.pyc": "x",
    ".venv/lib/x.py": "x", "node_modules/x/index.js": "x", ".pytest_cache/x": "x",
    "application_default_credentials.json": "{}", ".ENV": "A=1", "Credentials.JSON": "{}", "keys/ID_RSA": KEY,
    "uv.toml": "[[index]]", "pip.conf": "[global]",
}  # fmt: skip
HIDDEN_KEYS = {
    "prod.json": '{"type": "service_account", "private_key": "x"}', "config/tls.txt": KEY,
    "settings.yaml": f"key: |\n  {KEY}",
}  # fmt: skip


def paths(project: Path) -> set[str]:
    return {entry.path.removeprefix("app/") for entry in project_files(project).entries}


def write(project: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)


def test_the_files_of_a_project_enter(project: Path):
    """Pipelines, settings and data."""
    assert paths(project) == {"pyproject.toml", "pipelines/sales.py", "pipelines/data/orders.csv"}


@pytest.mark.parametrize("secret", SECRETS)
def test_what_is_known_to_be_secret_stays_out(project: Path, secret: str):
    """Wherever it stands."""
    write(project, {secret: SECRETS[secret]})

    assert secret not in paths(project)


def test_no_rule_lets_a_secret_in(project: Path):
    """What a .pplnsignore takes back are the other defaults."""
    write(project, {".env": "A=1", "id_rsa": KEY, "build/model.bin": "x", ".pplnsignore": "!.env\n!id_rsa\n!build/\n"})

    assert paths(project) & {".env", "id_rsa", "build/model.bin"} == {"build/model.bin"}


@pytest.mark.parametrize("name", HIDDEN_KEYS)
def test_a_key_under_a_harmless_name_stays_out_and_is_named(project: Path, name: str):
    """Its contents betray it."""
    write(project, {name: HIDDEN_KEYS[name]})

    files = project_files(project)

    assert files.keys == (name,)
    assert f"app/{name}" not in {entry.path for entry in files.entries}


def test_the_ignore_file_has_the_syntax_of_gitignore(project: Path):
    """Patterns, folders, anchors, exceptions, comments."""
    write(
        project,
        {
            ".pplnsignore": "# big\n*.parquet\n/notes/\n!keep.parquet\ndata/*.csv\n", "a.parquet": "x",
            "keep.parquet": "x",
            "notes/x.md": "x", "pipelines/notes/x.md": "x", "data/a.csv": "x",
        },
    )  # fmt: skip

    found = paths(project)

    assert {"keep.parquet", "pipelines/notes/x.md"} <= found
    assert not found & {"a.parquet", "notes/x.md", "data/a.csv", ".pplnsignore"}


def test_without_an_ignore_file_that_of_git_counts(project: Path):
    """What isn't in the repository isn't in the image, unless .pplnsignore says otherwise."""
    write(project, {".gitignore": "/scratch/\n", "scratch/big.bin": "x"})

    assert "scratch/big.bin" not in paths(project)

    write(project, {".pplnsignore": ""})
    assert "scratch/big.bin" in paths(project)


def test_a_folders_own_gitignore_counts_below_it(project: Path):
    """As git has it: the deeper file wins. Tools write one into their caches and virtual environments."""
    write(
        project,
        {
            ".gitignore": "*.bin\n", "env311/.gitignore": "*\n", "env311/lib/x.py": "x",
            "data/.gitignore": "/raw/\n!*.bin\n", "data/raw/a.csv": "x", "data/b.bin": "x",
            "data/deep/raw/a.csv": "x", "c.bin": "x",
        },
    )  # fmt: skip

    assert paths(project) >= {"data/b.bin", "data/deep/raw/a.csv"}
    assert not paths(project) & {"env311/lib/x.py", "data/raw/a.csv", "c.bin"}

    write(project, {".pplnsignore": "*.bin\n"})
    assert {"env311/lib/x.py", "data/raw/a.csv"} <= paths(project)


def test_a_gitignore_above_the_project_counts(tmp_path: Path):
    """Where the project is a folder of a larger repository; its own wins. One that ignores the project says nothing."""
    project = make_project(tmp_path / "mono" / "data team" / "sales")
    above = {
        "mono/.git/HEAD": "x",
        "mono/.gitignore": "*.bin\n/out/\n",
        "mono/data team/.gitignore": "sales/scratch/\n",
    }
    write(tmp_path, {**above, ".gitignore": "*.py\n"})
    write(project, {"a.bin": "", "out/b.csv": "", "scratch/c.csv": "", "keep/d.bin": "", "keep/.gitignore": "!*.bin\n"})

    own = {"pyproject.toml", "pipelines/sales.py", "pipelines/data/orders.csv"}
    assert paths(project) == {*own, "out/b.csv", "keep/d.bin"}

    write(tmp_path, {"mono/.gitignore": "/data*/\n*.bin\n"})
    assert paths(project) > {"a.bin", "scratch/c.csv"}


def test_a_repository_of_its_own_asks_nobody_above(project: Path):
    """A submodule's `.git` is a file."""
    write(project.parent, {".gitignore": "*.py\n", ".git/HEAD": "x"})
    assert "pipelines/sales.py" not in paths(project)

    write(project, {".git": "gitdir: elsewhere"})

    assert "pipelines/sales.py" in paths(project)


def test_images_and_terraform_stay_out(project: Path, image, cache):
    """What `pplns package --output` and `pplns eject` write into the project is no part of the next image."""
    before = paths(project)

    write_archive(image, project / "latest", cache=cache, fetch_base=lambda one: cache.path(one.digest))
    write(project, {"infra/prod/README.md": "x", f"infra/prod/{VARIABLES_FILE}": "{}", "infra/main.tf": "x"})

    assert (project / "latest.cdx.json").exists()
    assert paths(project) == before


def test_everything_may_be_ignored_but_some(project: Path):
    """The list of what enters, as people write it for git: `!*/` lets git look into the folders."""
    write(project, {".pplnsignore": "*\n!*/\n!*.py\n!pyproject.toml\n", "notes/x.md": "x", "lib/deep/y.py": ""})

    assert paths(project) == {"pyproject.toml", "pipelines/sales.py", "lib/deep/y.py"}


def test_what_is_ignored_and_let_in_again_agrees_with_git(project: Path):
    """Which files git would take, asked of git."""
    rules = "*\n!/pipelines\n!/pipelines/**\n/pipelines/data/*\n!/pipelines/data/keep/\n!pyproject.toml\n*.tmp\n"
    files = ["pipelines/data/keep/a.csv", "pipelines/data/b.csv", "pipelines/deep/c.py", "pipelines/d.tmp", "e.py"]
    write(project, {**dict.fromkeys(files, ""), ".gitignore": rules})
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    listing = ["git", "ls-files", "--others", "--exclude-standard"]

    taken = subprocess.run(listing, cwd=project, check=True, capture_output=True, text=True).stdout.split()

    assert paths(project) == set(taken)


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("https://me:secret@index.example.com/simple", True), ("https://index.example.com/simple", False),
        ("https://me:${TOKEN}@index.example.com/simple", False), ("https://me@index.example.com:8080/simple", False),
    ],
)  # fmt: skip
def test_a_password_in_the_settings_of_the_project_is_refused(project: Path, url: str, refused: bool):
    """The file enters the image as it is; the message doesn't show the password."""
    with (project / "pyproject.toml").open("a") as file:
        file.write(f'[[tool.uv.index]]\nurl = "{url}"\n')

    if not refused:
        assert "pyproject.toml" in paths(project)
        return
    with pytest.raises(ConfigError, match="in line 6") as error:
        project_files(project)
    assert "secret" not in str(error.value)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is Unicode")
def test_a_name_that_is_no_text_is_refused(project: Path):
    """Unless it is ignored."""
    (project / os.fsdecode(b"caf\xe9.csv")).write_text("x")

    with pytest.raises(ConfigError, match="isn't UTF-8"):
        project_files(project)

    write(project, {".pplnsignore": "caf*.csv\n"})
    assert "pyproject.toml" in paths(project)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="who is root reads everything")
def test_a_file_that_cant_be_read_is_named(project: Path):
    """With what to do about it, and not as a bug of pplns."""
    (project / "locked.csv").write_text("x")
    (project / "locked.csv").chmod(0)

    with pytest.raises(ConfigError, match=r"locked.csv.*can't be read"):
        project_files(project)


@pytest.mark.parametrize("name", ["with space.csv", "größe-数据.csv", "d" * 100 + "/" + "e" * 100 + "/" + "f" * 98])
def test_names_survive(project: Path, wheels: Path, base, cache, name: str):
    """Spaces, any language, 300 characters."""
    write(project, {name: "x"})

    image = build_image(recipe_for(project, wheels), base, cache=cache, watch=ignore)

    assert content(image, cache, "project", f"app/{name}") == b"x"


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a right there")
@pytest.mark.parametrize("target", ["/etc/passwd", "../outside.txt", "ring"])
def test_a_link_out_of_the_project_is_refused(project: Path, target: str):
    """The image would hold what it names, or nothing."""
    (project.parent / "outside.txt").write_text("x")
    (project / "ring").symlink_to("link")
    (project / "link").symlink_to(target)

    with pytest.raises(ConfigError, match="out of the project"):
        project_files(project)


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a right there")
def test_a_link_within_the_project_stays_a_link(project: Path, wheels: Path, base, cache):
    """Also one that was written with the path of this machine."""
    (project / "pipelines" / "latest.csv").symlink_to(project / "pipelines" / "data" / "orders.csv")

    image = build_image(recipe_for(project, wheels), base, cache=cache, watch=ignore)

    link = members(image, cache, "project")["app/pipelines/latest.csv"]
    assert link.issym()
    assert link.linkname == "../pipelines/data/orders.csv"


def test_layers_belong_to_root_and_have_no_times(image, cache):
    """The container's user writes nowhere but into the working directory itself."""
    found = [one for name in ("wheels", "pplns", "project") for one in members(image, cache, name).values()]

    assert {one.mtime for one in found} == {0}
    assert {one.name for one in found if one.uid} == {"app"}
    assert {oct(one.mode) for one in found if one.isfile()} == {"0o644"}


def test_a_program_can_be_executed_whatever_its_mode_says(project: Path, wheels: Path, base, cache):
    """A laptop without modes packages it as one with them."""
    (project / "tool.sh").write_bytes(b"#!/bin/sh\r\necho\r\n")

    image = build_image(recipe_for(project, wheels), base, cache=cache, watch=ignore)

    assert members(image, cache, "project")["app/tool.sh"].mode == 0o755
    assert content(image, cache, "project", "app/tool.sh") == b"#!/bin/sh\necho\n"


def test_pplns_comes_without_the_deploy_tool(image, cache):
    """As it is installed here, with its bytecode and with main.py."""
    found = members(image, cache, "pplns")
    place = f"opt/pplns/lib/python{PYTHON}/site-packages"

    assert {f"{place}/pplns/engine/runner.py", "opt/pplns/service/main.py"} <= found.keys()
    assert f"{place}/pplns/__pycache__/__init__.cpython-{PYTHON.replace('.', '')}.pyc" in found
    assert not [path for path in found if "pplns_deploy" in path]


def test_wheels_come_without_what_uv_wrote_for_this_machine(image, cache):
    """No programs with this Python's path, no marks of the installer, and a RECORD that doesn't name them."""
    place = f"opt/pplns/lib/python{PYTHON}/site-packages"

    found = members(image, cache, "wheels")

    assert [path for path in found if path.endswith(".py")] == [f"{place}/tiny/__init__.py"]
    assert not [path for path in found if "/bin" in path or path.endswith(("REQUESTED", ".lock"))]
    assert b"bin/tiny" not in content(image, cache, "wheels", f"{place}/tiny-1.0.dist-info/RECORD")


def test_a_wheel_with_another_hash_is_refused(project: Path, wheels: Path, base, cache, tmp_path: Path):
    """The error has uv's words."""
    (tmp_path / "requirements.lock").write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    recipe = recipe_for(project, tmp_path)

    with pytest.raises(ConfigError, match=r"(?s)hash.*tiny"):
        build_image(recipe, base, cache=cache, watch=ignore)
