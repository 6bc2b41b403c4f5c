"""A stand-in of Terraform's google provider, for machines where the real one can't be had.

It makes, reads, changes and deletes what the tests use at the stand-in of Google's APIs, by REST, and never waits; what
it knows of each type of resource is in `google_provider/table.py` and `terraform/google_schema.json`. What it doesn't
know: ranges of values, conflicts between fields, and types that no test uses.

Terraform finds it as it finds any provider, in a filesystem mirror: `install` makes one, with a program that starts
`google_provider.process`. `python tests/provider_stand_in.py` writes the fields down anew, as the real one has them."""

import json
import os
import re
import shlex
import shutil
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import terraforming
from google_provider.schema import FILE, condensed
from pplns_deploy.emulator import provider_endpoints

EVERYTHING = Path(__file__).parent / "emulator" / "everything"
KINDS = {"resource": "resource", "data_source": "data"}
PUT_BACK = "google_cloud_run_v2_service_iam_member"  # what a pitfall that comes back would use
PROVIDER_FIELDS = ("project", "region", "add_terraform_attribution_label", "user_project_override")
START = f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}]; from google_provider.process import main; main()"


def install(mirror: Path, name: Path) -> None:
    """Make a mirror that has the stand-in; `name` is the place of a provider's program in it."""
    program = mirror / name
    program.parent.mkdir(parents=True, exist_ok=True)
    if os.name == "nt":
        _install_on_windows(program)
        return
    program.write_text(f"#!/bin/sh\nexec {shlex.join([sys.executable, '-c', START])}\n", encoding="utf-8")
    program.chmod(0o755)


def _install_on_windows(program: Path) -> None:
    """Make a program that starts Python, as pip makes those of packages."""
    maker: Any = import_module("pip._vendor.distlib.scripts").ScriptMaker(None, str(program.parent))
    maker.script_template = START.replace("%", "%%")
    maker.variants = {""}
    maker.make(f"{program.stem} = google_provider.process:main")


def read_schema() -> dict[str, Any]:
    """Return what the stand-in knows as the real provider says it: the fields of all that the tests use."""
    with TemporaryDirectory() as folder:
        shutil.copy(terraforming.CONFIGURATION / "versions.tf", folder)
        real = terraforming.Terraform(Path(folder), terraforming.environ_for(Path(folder), {}, is_real=True))
        real.init()
        [said] = json.loads(real.run("providers", "schema", "-json"))["provider_schemas"].values()
    used = _used_types()
    provider = said["provider"]["block"]
    fields = {
        name: one
        for name, one in provider["attributes"].items()
        if name in PROVIDER_FIELDS or name in provider_endpoints("")
    }
    return {
        "provider": condensed({"attributes": fields, "block_types": provider["block_types"]}),
        **{kind: {
            name: [said[f"{kind}_schemas"][name]["version"], condensed(said[f"{kind}_schemas"][name]["block"])]
            for name in sorted(names)
        } for kind, names in used.items()},
    }  # fmt: skip


def _used_types() -> dict[str, set[str]]:
    files = [*terraforming.CONFIGURATION.rglob("*.tf"), *EVERYTHING.glob("*.tf")]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    used = {kind: set(re.findall(rf'^{word} "(google_\w+)"', text, re.M)) for kind, word in KINDS.items()}
    used["resource"].add(PUT_BACK)
    return used


if __name__ == "__main__":
    FILE.write_text(json.dumps(read_schema(), separators=(",", ":")) + "\n", encoding="utf-8")
