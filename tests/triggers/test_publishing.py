"""Publishing where answers are lost, late or none, and what is said when it can't be done."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from faulty_topic import Answer, FaultyTopic, faulty_topic
from pplns.errors import PublishError
from pplns.model.run import Trigger
from pplns.state.runs import RunHead
from pplns.triggers import topics
from pplns.triggers.topics import hand_over_to, publish

__all__ = ["faulty_topic"]

pytestmark = pytest.mark.filterwarnings(
    "ignore:You are using a Python version:FutureWarning"
)  # google.api_core, on its import

TOPIC = "projects/acme-data/topics/daily"


def test_a_message_is_published_and_confirmed(faulty_topic: FaultyTopic) -> None:
    """Bytes and attributes arrive as they are; the id comes back."""
    message_id = publish(TOPIC, b"\x00\xff", attributes={"kind": "é"}, timeout_s=10)

    (published,) = faulty_topic.published
    assert message_id == "1"
    assert (published.data, published.attributes) == (b"\x00\xff", {"kind": "é"})
    assert published.path.startswith(f"/v1/{TOPIC}:publish")


@pytest.mark.parametrize("answer", [429, 500, 502, 503, 504, 408, 409, "drop", "garble", "cut", "empty"])
def test_it_is_sent_again_until_it_is_confirmed(faulty_topic: FaultyTopic, answer: Answer) -> None:
    """A lost answer may mean that it was published: twice is better than never."""
    faulty_topic.answers = [answer, answer]

    assert publish(TOPIC, b"x", timeout_s=20) == "3"


def test_an_answer_that_never_comes_ends_with_the_time(
    faulty_topic: FaultyTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try waits its own time, and all together no longer than they may."""
    monkeypatch.setattr(topics, "ANSWER_SECONDS", 0.2)
    faulty_topic.answers = ["stall"] * 100

    with pytest.raises(PublishError, match="no usable answer for 1 s"):
        publish(TOPIC, b"x", timeout_s=1.0)

    assert len(faulty_topic.published) > 1


def test_a_try_without_an_answer_is_followed_by_another(
    faulty_topic: FaultyTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that hangs costs one try, not the deadline."""
    monkeypatch.setattr(topics, "ANSWER_SECONDS", 0.2)
    faulty_topic.answers = ["stall"]

    assert publish(TOPIC, b"x", timeout_s=20) == "2"


@pytest.mark.parametrize(
    ("status", "met", "remedy"),
    [
        (404, "There is no topic 'projects/acme-data/topics/daily'", "gcloud pubsub topics create daily"),
        (403, "Can't publish", "add-iam-policy-binding daily --project=acme-data"),
        (401, "no credentials for Google Cloud", "gcloud auth application-default login"),
        (400, "refused with 400", "resume the run"),
    ],
)
def test_a_refusal_that_stays_is_said_at_once(faulty_topic: FaultyTopic, status: int, met: str, remedy: str) -> None:
    """In three parts, without a second try."""
    faulty_topic.answers = [status]

    with pytest.raises(PublishError) as refused:
        publish(TOPIC, b"x", timeout_s=20)

    assert met in refused.value.met
    assert refused.value.expected
    assert remedy in refused.value.remedy
    assert len(faulty_topic.published) == 1


@pytest.mark.parametrize("host", ["127.0.0.1:9", "http://127.0.0.1:9"])
def test_nobody_there_is_said(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Nothing listens on that port."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)

    with pytest.raises(PublishError, match="Connection refused") as refused:
        publish(TOPIC, b"x", timeout_s=0.5)

    assert "PUBSUB_EMULATOR_HOST" in refused.value.remedy


@pytest.mark.parametrize("host", ["not a host", "http://[::1", "127.0.0.1:port"])
def test_an_address_that_is_none_is_said(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """As an error of ours, whatever the library makes of it."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)

    with pytest.raises(PublishError, match="Can't publish"):
        publish(TOPIC, b"x", timeout_s=0.5)


def test_no_credentials_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A key file that isn't there; nothing is asked of anybody."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))

    with pytest.raises(PublishError, match="no credentials for Google Cloud") as refused:
        publish(TOPIC, b"x", timeout_s=1)

    assert "gcloud auth application-default login" in refused.value.remedy


def test_a_run_is_handed_over_by_its_continuation(faulty_topic: FaultyTopic) -> None:
    """Run id and attempt, nothing else: the rest comes from run.json."""
    now = datetime(2013, 1, 5, tzinfo=UTC)
    head = RunHead("run-1", "daily", Trigger("api", "k"), {}, "digest", now, now)

    message_id = hand_over_to(TOPIC, timeout_s=10)(head, 3)

    (published,) = faulty_topic.published
    assert message_id == "1"
    assert published.data == b'{"pplns":"continuation","pipeline":"daily","run_id":"run-1","attempt":3}'
    assert published.attributes["run_id"] == "run-1"


def test_threads_share_the_client(faulty_topic: FaultyTopic) -> None:
    """Several runs of one container may be handed over at once."""
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(publish(TOPIC, b"x", timeout_s=20))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids) == 8
    assert len(faulty_topic.published) == 8


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")  # what a web server does
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_makes_a_client_of_its_own(faulty_topic: FaultyTopic) -> None:
    """gunicorn forks its workers; a connection of the parent's isn't shared."""
    publish(TOPIC, b"parent", timeout_s=20)

    child = forked(lambda: publish(TOPIC, b"child", timeout_s=20))

    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    publish(TOPIC, b"parent", timeout_s=20)
    assert [one.data for one in faulty_topic.published] == [b"parent", b"child", b"parent"]


def forked(work: Callable[[], object]) -> int:
    """Run work in a forked process, which exits with 1 if it fails; return its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(60)
        work()
        status = 0
    except BaseException as error:
        sys.stderr.write(f"{error!r}\n")
    finally:
        os._exit(status)
