"""The configuration's manners: files by concern, described variables, its format, its own tests, checkov."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deployable import variables
from pplns_deploy.terraform import configuration_folder
from terraforming import CONFIGURATION, Terraform, environ_for

MODULES = [
    "",
    *(
        f"modules/{one}"
        for one in ("platform", "pipeline_service", "schedule", "topic", "state_bucket", "observability")
    ),
]
PAGE = Path(__file__).parents[2] / "docs" / "terraform.md"


def blocks(folder: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the blocks of a kind (`variable`, `output`) of a module by name."""
    hcl2 = pytest.importorskip("hcl2", reason="the configuration is read by python-hcl2")
    found: dict[str, dict[str, Any]] = {}
    for file in sorted((CONFIGURATION / folder).glob("*.tf")):
        for block in hcl2.loads(file.read_text(encoding="utf-8")).get(kind, ()):
            found |= {name.strip('"'): body for name, body in block.items()}
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_files(module: str) -> None:
    """By concern, so that a reader finds everything at its place."""
    names = {file.name for file in (CONFIGURATION / module).glob("*.tf")}

    assert {"main.tf", "variables.tf", "outputs.tf", "versions.tf"} <= names
    assert 'required_version = ">= 1.11"' in (CONFIGURATION / module / "versions.tf").read_text(encoding="utf-8")
    assert 'version = ">= 7.45, < 8"' in (CONFIGURATION / module / "versions.tf").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", MODULES)
def test_each_variable_and_output_is_described(module: str) -> None:
    """And each variable has a type."""
    for name, body in blocks(module, "variable").items():
        assert body.get("description"), name
        assert body.get("type"), name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    for name, body in blocks(module, "output").items():
        assert body.get("description"), name


def test_every_variable_of_the_root_is_on_the_page_of_terraform() -> None:
    """terraform/README.md explains each, for who uses the configuration without the tool."""
    page = (CONFIGURATION / "README.md").read_text(encoding="utf-8")

    assert [name for name in blocks("", "variable") if f"`{name}`" not in page] == []


def test_what_is_generated_are_variables_of_the_root() -> None:
    """No key is unknown, and none that must be there is missing."""
    known = blocks("", "variable")
    made = variables([])

    assert made.keys() <= known.keys()
    assert {name for name, body in known.items() if "default" not in body} <= made.keys()


def test_the_configuration_is_found() -> None:
    """In the checkout; a wheel has it beside the tool's other files."""
    assert (configuration_folder() / "main.tf").is_file()


@pytest.mark.needs_terraform
def test_the_configuration_is_formatted(tmp_path: Path) -> None:
    """As `terraform fmt` writes it."""
    found = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "."], cwd=CONFIGURATION, env=environ_for(tmp_path, {}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.needs_terraform
def test_its_own_tests_pass(root: Terraform) -> None:
    """`terraform test`, with a provider that answers by itself."""
    printed = root.run("test", "-no-color")

    assert "Success!" in printed
    assert " 0 failed" in printed


@pytest.mark.needs_terraform
@pytest.mark.parametrize("example", sorted(one.name for one in (CONFIGURATION / "examples").iterdir()))
def test_an_example_is_planned(root: Terraform, example: str) -> None:
    """Without the tool: its variables are written by hand."""
    text = (CONFIGURATION / "examples" / example / "terraform.tfvars").read_text(encoding="utf-8")
    for generated in root.folder.glob("*.auto.tfvars.json"):
        generated.unlink()
    (root.folder / "terraform.tfvars").write_text(text, encoding="utf-8")
    try:
        planned = root.plan()
    finally:
        (root.folder / "terraform.tfvars").unlink()

    assert any(one["type"] == "google_cloud_run_v2_service" for one in planned["resource_changes"])


def test_checkov_finds_nothing_that_isn_t_explained() -> None:
    """docs/terraform.md has a line for each check that is passed over."""
    checkov = shutil.which("checkov")
    if checkov is None:
        pytest.skip("no checkov: pip install checkov")
    passed_over = re.findall(r"^\| `(CKV\w+)` \|", PAGE.read_text(encoding="utf-8"), re.M)
    found = subprocess.run(
        [checkov, "-d", str(CONFIGURATION), "--framework", "terraform", "--quiet", "--compact",
         "--skip-download", "-o", "json",
         *(["--skip-check", ",".join(passed_over)] if passed_over else [])],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    failed = json.loads(found.stdout).get("results", {}).get("failed_checks", [])
    assert [(one["check_id"], one["resource"]) for one in failed] == []
