"""The manifest: pipelines as data, whatever their files do while they are imported."""

import json
import os
from pathlib import Path

import pytest

from pplns.errors import ConfigError
from pplns.settings import load_settings
from pplns_deploy.manifest import Manifest, read_manifest

SALES = '''
from typing import TYPE_CHECKING
from pplns import PubSub, Resources, Retry, Schedule, Secret, pipeline, step
from steps.shared import clean
if TYPE_CHECKING:
    import polars
try:
    import orjson
except ImportError:
    orjson = None

def later():
    import pandas as pd
    from google.cloud import bigquery

@step(timeout="5m", retry=Retry(attempts=3))
def load(region: str) -> int:
    return len(Secret("warehouse-password").value())

@pipeline(triggers=[Schedule("0 6 * * *", params={"region": "us"}, name="us"), PubSub("orders", filter="attributes:x")],
          resources=Resources(cpu=2, memory="4Gi"), timeout="30m", max_concurrent_runs=1)
def sales(region: str, limit: int | None = 5):
    """Sell things."""
    return clean(load(region))
'''
SHARED = """
import pplns, requests
@pplns.step
def clean(n): return pplns.Secret(name='other'), pplns.Secret(str(n))
"""


@pytest.fixture
def project(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    for folder in ("pipelines", "steps"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pipelines" / "sales.py").write_text(SALES)
    (tmp_path / "steps" / "shared.py").write_text(SHARED)
    return tmp_path


def manifest_of(project: Path, **options) -> Manifest:
    """Read the manifest of a project."""
    return read_manifest(load_settings(project, environ={}), **options)


def test_a_manifest_holds_what_deploying_needs(project: Path):
    """Declarations, steps with their timeouts, and places."""
    [sales] = manifest_of(project).pipelines

    assert (sales.name, sales.file, sales.line) == ("sales", "pipelines/sales.py", 20)
    assert [(one.step, one.timeout_s, one.tries) for one in sales.steps or ()] == [("load", 300, 3), ("clean", None, 1)]
    assert [(one.name, one.required, one.default) for one in sales.declared.parameters] == [
        ("region", True, None), ("limit", False, 5),
    ]  # fmt: skip
    assert [(one.kind, one.name, one.topic, one.filter) for one in sales.declared.triggers] == [
        ("schedule", "us", None, None), ("pubsub", None, "orders", "attributes:x"),
    ]  # fmt: skip


def test_sources_tell_secrets_and_libraries(project: Path):
    """Of every project file that is reached; what only a type checker or a `try` needs doesn't count."""
    [sales] = manifest_of(project).pipelines

    assert sales.sources == ("pipelines/sales.py", "steps/shared.py")
    assert [(one.name, one.file, one.line) for one in sales.secrets] == [
        ("warehouse-password", "pipelines/sales.py", 18), ("other", "steps/shared.py", 4), (None, "steps/shared.py", 4),
    ]  # fmt: skip
    assert [one.module for one in sales.libraries] == ["pandas", "google.cloud.bigquery", "requests"]


def test_a_manifest_goes_through_json_both_ways(project: Path):
    """What is read is what was written; another schema is refused."""
    manifest = manifest_of(project)
    written = json.loads(json.dumps(manifest.as_json()))

    assert Manifest.from_json(written) == manifest
    with pytest.raises(ConfigError, match="schema 2"):
        Manifest.from_json({**written, "schema": 2})


def test_the_digest_changes_with_the_code_that_a_run_reaches(project: Path):
    """Also with a file that the pipeline's file imports; a comment is no change."""
    before = manifest_of(project).pipelines[0].digest
    (project / "steps" / "shared.py").write_text(SHARED + "# said\n")
    commented = manifest_of(project).pipelines[0].digest
    (project / "steps" / "shared.py").write_text(SHARED.replace("'other'", "'another'"))

    assert commented == before
    assert manifest_of(project).pipelines[0].digest != before


def test_a_graph_that_depends_on_an_unknown_parameter_has_no_steps(project: Path):
    """Nothing is guessed."""
    source = SALES.replace("return clean(load(region))", "return load(region) if region == 'us' else None")
    (project / "pipelines" / "sales.py").write_text(source)

    assert manifest_of(project).pipelines[0].steps is None


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os\nos._exit(7)", "Python ended with exit code 7 while importing it"),
        ("import sys, os\nos.write(2, b'libfoo: bad\\n')\nos.abort()", "libfoo: bad"),
        ("import threading\nthreading.Event().wait()", "its import didn't end within 4 s"),
    ],
)
def test_a_crash_and_a_hang_are_laid_to_their_file(project: Path, code: str, message: str):
    """The tool goes on and names the file."""
    (project / "pipelines" / "a_worst.py").write_text(f"pipeline = 0\n{code}\n")

    [broken] = manifest_of(project, timeout_s=4).broken

    assert broken.file == "pipelines/a_worst.py"
    assert message in broken.message
    assert broken.hint


def test_what_a_file_prints_and_changes_stays_in_its_process(project: Path):
    """Neither stdout, nor the environment, nor an exit handler reaches the answer."""
    rude = "import os, sys, atexit\nprint('{')\nos.environ['RUDE'] = '1'\nos.chdir('/')\natexit.register(print, '}')\n"
    (project / "pipelines" / "rude.py").write_text(rude + "from pplns import pipeline\n@pipeline\ndef rude(): ...\n")

    manifest = manifest_of(project)

    assert [one.name for one in manifest.pipelines] == ["rude", "sales"]
    assert "RUDE" not in os.environ


def test_a_broken_file_hides_nothing(project: Path):
    """It stands beside the pipelines of the others, with its line."""
    (project / "pipelines" / "broken.py").write_text("x = 1\nimport nothing_of_that_name\n")

    manifest = manifest_of(project)

    assert [one.name for one in manifest.pipelines] == ["sales"]
    assert [(one.file, one.line) for one in manifest.broken] == [("pipelines/broken.py", 2)]


def test_a_project_without_pipelines_is_refused(tmp_path: Path):
    """As `pplns list` says it."""
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")

    with pytest.raises(ConfigError, match="pipelines folder"):
        manifest_of(tmp_path)
