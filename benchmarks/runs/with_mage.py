"""Mage: a project of one block a step, run as `mage run` does. It has no way to go on with a killed run."""

import json
import os
import time
from pathlib import Path
from typing import Any

import work

LOADER = "import work\n\n\n@data_loader\ndef {name}(*args, **kwargs):\n    return work.first()\n"
TRANSFORMER = "import work\n\n\n@transformer\ndef {name}(value, *args, **kwargs):\n    return work.following(value)\n"


def make_project(root: Path) -> None:
    """Write the project."""
    for folder in ("pipelines/chain", "data_loaders", "transformers"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    names = [f"step_{number}" for number in range(work.STEPS)]
    for number, name in enumerate(names):
        path, text = (f"transformers/{name}.py", TRANSFORMER) if number else (f"data_loaders/{name}.py", LOADER)
        (root / path).write_text(text.format(name=name))
    blocks = [block(number, name, names) for number, name in enumerate(names)]
    (root / "metadata.yaml").write_text("project_type: standalone\n")
    for package in (root, root / "pipelines", root / "pipelines/chain"):
        (package / "__init__.py").write_text("")
    described = {"blocks": blocks, "name": "chain", "uuid": "chain", "type": "python"}
    (root / "pipelines/chain/metadata.yaml").write_text(json.dumps(described))


def block(number: int, name: str, names: list[str]) -> dict[str, Any]:
    """Return the description of one block."""
    return {
        "uuid": name, "name": name, "type": "transformer" if number else "data_loader", "language": "python",
        "executor_type": "local_python", "status": "not_executed",
        "upstream_blocks": names[max(number - 1, 0):number], "downstream_blocks": names[number + 1:number + 2],
    }  # fmt: skip


if __name__ == "__main__":
    project = work.FOLDER / "project"
    make_project(project)
    os.environ["MAGE_DATA_DIR"] = str(work.FOLDER / "data")
    from mage_ai.settings.repo import set_repo_path

    set_repo_path(str(project))
    import mage_ai

    started = time.perf_counter()
    mage_ai.run("chain", str(project))
    work.report(time.perf_counter() - started)
