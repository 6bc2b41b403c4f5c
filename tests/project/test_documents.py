"""The documents around the code: their links lead somewhere, and the README's commands are the ones that CI runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "changelog.d/README.md", "pipelines/*/README.md")
    for path in ROOT.glob(pattern)
)
COMMANDS = [
    "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/pplns run nyc_flights",
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[dev]' && .venv/bin/python -m pytest",
]


def links_of(document: Path) -> list[str]:
    """Return the relative links of a document, without those inside code blocks."""
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_to_a_file(document: str) -> None:
    """A file that is renamed takes its links along."""
    here = ROOT / document

    assert [link for link in links_of(here) if not (here.parent / link).exists()] == []


def test_every_page_is_reached_from_the_index() -> None:
    """A page that nothing links to is not read."""
    indexes = [ROOT / "docs/README.md", ROOT / "docs/decisions/README.md"]
    linked = {(index.parent / link).resolve() for index in indexes for link in links_of(index)}
    pages = {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {index.resolve() for index in indexes}

    assert pages - linked == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_has_each_command_once_as_a_line_of_its_own(command: str) -> None:
    """`.ci/run` takes the commands from there and runs them as they stand."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    assert lines.count(command) == 1


def test_every_fragment_has_a_kind_that_towncrier_knows() -> None:
    """A fragment of another name would never reach the changelog."""
    fragments = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    form = re.compile(r"(?:\d+|\+[\w-]+)\.(?:added|changed|fixed|removed)(?:\.\d+)?\.md")

    assert [name for name in fragments if not form.fullmatch(name)] == []
