"""Ctrl-C at each stage of a deployment: exit code 130, the state saved, its lock free, and the next one goes on."""

import os
import signal

import pytest

from commands import read_until
from deploy_site import Site, new_image

pytestmark = [
    pytest.mark.needs_terraform,
    pytest.mark.slow,
    pytest.mark.sampled(1),
    pytest.mark.usefixtures("program"),
    pytest.mark.skipif(os.name == "nt", reason="there a test can't send Ctrl-C to one process"),
]
BEGINNINGS = {
    "checks": "Checking the project", "state": "Reading the state", "image": "Taking the image", "plan": "Planning",
    "apply": "Applying", "verify": "Asking new revisions", "traffic": "Moving the traffic",
}  # fmt: skip


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
