"""The commands on a bucket: whatever reads or writes runs takes `--store gs://…`."""

import signal
import sys

import pytest

from commands import read_until
from fake_cloud_storage import bucket, cloud_storage

__all__ = ["bucket", "cloud_storage"]

pytestmark = pytest.mark.needs_fake_gcs_server


@pytest.fixture
def remote(bucket):
    """Return the options that name a bucket."""
    return ["--store", f"gs://{bucket}/state"]


def test_a_run_is_made_listed_shown_and_looked_into(shop, pplns, remote):
    """On a bucket as in a folder; nothing is written here."""
    ran = pplns("run", "shop", "--run-id", "first", *remote)

    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"Look closer: pplns run-info shop/first {' '.join(remote)}"
    assert [one["run_id"] for one in pplns("runs", *remote, "--json").document["runs"]] == ["first"]
    assert pplns("run-info", "first", *remote, "--json").document["state"] == "succeeded"
    assert '"XXX"' in pplns("artifact", "first", "publish", *remote, "--json").out
    assert not (shop / ".pplns").exists()


def test_a_failed_run_is_resumed(shop, pplns, remote):
    """What is committed in the bucket is reused."""
    pplns("run", "shop", "--run-id", "bad", "-p", "broken=1", *remote)

    answer = pplns("resume", "bad", *remote)

    assert answer.code == 1
    assert "  = split     reused" in answer.out.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_a_run_is_interrupted_and_cancelled(shop, pplns, remote, started):
    """The end of a run that nobody works on any more is written by whoever cancels it."""
    (shop / "pipelines" / "shop.py").write_text(
        "import time\n"
        "from pplns import pipeline, step\n"
        "@step\n"
        "def wait():\n"
        "    while True: time.sleep(0.01)\n"
        "@pipeline\n"
        "def waiting(): return wait()\n"
    )
    process = started(shop, "run", "waiting", "--run-id", "w", *remote)
    read_until(process.stdout, "wait", "started")
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130

    assert pplns("cancel", "waiting/w", *remote).out.startswith("Cancelled.")
    assert pplns("runs", "--state", "cancelled", *remote, "--json").document["runs"][0]["run_id"] == "w"


def test_check_tries_the_bucket(shop, pplns, remote):
    """A bucket that can be written is well; one that isn't there is named."""
    assert pplns("check", *remote).code == 0

    missing = pplns("check", "--store", "gs://no-bucket-of-this-name/state")

    assert missing.code == 1
    assert "no-bucket-of-this-name" in missing.err
    assert "Traceback" not in missing.err


@pytest.mark.parametrize("command", [["run", "shop"], ["runs"], ["run-info", "x"], ["resume", "x"], ["cancel", "x"]])
def test_a_missing_bucket_is_the_environment(shop, pplns, bucket, command):
    """Exit 3, with the name of the bucket."""
    answer = pplns(*command, "--store", "gs://no-bucket-of-this-name/state")

    assert answer.code == 3
    assert "no-bucket-of-this-name" in answer.err
