"""The loop of `pplns dev`: what is due is sent to the service, each request in a thread of its own.

One lock holds the schedules and the broker together; the threads only send, and tell what came of it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pplns.errors import NotFoundError, PublishError
from pplns.model.names import nearest
from pplns.settings import Settings
from pplns_deploy.dev import reports
from pplns_deploy.dev.broker import Broker, Push, Subscription
from pplns_deploy.dev.declared import Declared
from pplns_deploy.dev.endpoint import Published
from pplns_deploy.dev.google_emulator import GoogleEmulator
from pplns_deploy.dev.outgoing import Message, new_message_id, push_request, runs_url, scheduler_request
from pplns_deploy.dev.reports import Report
from pplns_deploy.dev.retries import PushRetries, ScheduleRetries
from pplns_deploy.dev.schedules import DeclaredSchedule, Firing, Schedules
from pplns_deploy.dev.sending import send

LOOK_SECONDS = 20.0  # at least this often the clock is looked at: a longer gap means that the machine slept

AS_DEPLOYED = PushRetries()
SCHEDULES_AS_DEPLOYED = ScheduleRetries()

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Timing:
    """The deadlines and waits of what is emulated, as deployed unless a flag shortens them."""

    push_deadline_s: float = 600
    schedule_deadline_s: float = 1800
    push_retries: PushRetries = AS_DEPLOYED
    schedule_retries: ScheduleRetries = SCHEDULES_AS_DEPLOYED

    @classmethod
    def shortened(cls, settings: Settings, *, first_s: float, attempts: int) -> "Timing":
        """Return the deadlines of the settings, and waits in proportion to the first one after a push."""
        push, schedule = AS_DEPLOYED, SCHEDULES_AS_DEPLOYED
        share = first_s / push.shortest_s
        return cls(
            settings.push_seconds, settings.schedule_seconds,
            replace(push, shortest_s=first_s, longest_s=push.longest_s * share, most_attempts=attempts),
            replace(schedule, shortest_s=schedule.shortest_s * share, longest_s=schedule.longest_s * share),
        )  # fmt: skip


class Emulation:
    """Fires schedules and delivers messages into a service, as long as it is up."""

    def __init__(
        self,
        declared: Declared,
        *,
        service_url: str,
        report: Report,
        now: Now,
        timing: Timing,
        google: GoogleEmulator | None = None,
        has_schedules: bool = True,
    ) -> None:
        self._service_url = service_url
        self._report = report
        self._now = now
        self._timing = timing
        self._google = google
        self._fires = has_schedules
        self._changed = threading.Condition(threading.RLock())
        self._is_up = False
        self.schedules = Schedules(declared.schedules, now=now(), retries=timing.schedule_retries)
        self.broker = Broker(declared.subscriptions, retries=timing.push_retries)

    def run(self, stop: threading.Event) -> None:
        """Send what is due until `stop` is set; `wake` is to be called after it."""
        while not stop.is_set():
            wait_s = self.tick()
            with self._changed:
                if not stop.is_set():
                    self._changed.wait(wait_s)

    def tick(self) -> float:
        """Send what is due now, and return the seconds until something may be due again."""
        with self._changed:
            now = self._now()
            for missed in self.schedules.missed(now):
                self._report("schedule", reports.missed(missed))
            if not self._is_up:
                return LOOK_SECONDS
            for firing in self.schedules.due(now) if self._fires else []:
                self._fire(firing)
            for push in self.broker.due(now):
                self._start(self._push, push)
            times = [time for time in (self.schedules.wake_at(), self.broker.wake_at()) if time]
            return min([LOOK_SECONDS, *(max(0.0, (time - now).total_seconds()) for time in times)])

    def wake(self) -> None:
        """Look again at what is due."""
        with self._changed:
            self._changed.notify_all()

    def set_up(self, *, is_up: bool) -> None:
        """Note whether the service takes requests; while it doesn't, what is due waits."""
        with self._changed:
            self._is_up = is_up
            self._changed.notify_all()

    def redeclare(self, declared: Declared) -> None:
        """Take the schedules and subscriptions that the project declares now."""
        with self._changed:
            self.schedules.redeclare(declared.schedules, now=self._now())
            for message in self.broker.resubscribe(declared.subscriptions):
                self._report("message", f"{message.message_id} is lost: its subscription is gone or was replaced")
            self._changed.notify_all()

    def has_topic(self, topic: str) -> bool:
        """Tell whether messages may be published to a topic."""
        with self._changed:
            return topic in self.broker.topics

    def publish(self, topic: str, published: Sequence[Published]) -> list[str]:
        """Take messages for a topic and return their ids."""
        with self._changed:
            now = self._now()
            messages = [Message(one.data, new_message_id(), now, one.attributes, one.ordering_key) for one in published]
            for message in messages:
                count = self.broker.publish(topic, message, now=now)
                self._report("message", reports.published(topic, message, count))
            self._changed.notify_all()
        return [message.message_id for message in messages]

    def offer(self, subscription: Subscription, message: Message) -> bool:
        """Take a message that Google's emulator holds; False where the subscription's filter leaves it out."""
        with self._changed:
            is_taken = self.broker.offer(subscription, message, now=self._now())
            self._changed.notify_all()
            return is_taken

    def fire(self, name: str) -> dict[str, Any]:
        """Fire a schedule now, as a person does in the Cloud console: by its name, or that of its pipeline.

        Raises: NotFoundError."""
        with self._changed:
            schedule = find_schedule(self.schedules.declared, name)
            firing = self.schedules.force(schedule)
            self._fire(firing)
        return {"schedule": schedule.job_name, "schedule_time": firing.time.isoformat()}

    def _fire(self, firing: Firing) -> None:
        self._report("schedule", reports.fires(firing))
        self._start(self._send_schedule, firing)

    def _start(self, work: Callable[[Any], None], what: Any) -> None:
        threading.Thread(target=work, args=(what,), name="sending", daemon=True).start()

    def _send_schedule(self, firing: Firing) -> None:
        schedule = firing.schedule
        request = scheduler_request(
            runs_url(self._service_url, schedule.pipeline), job_name=schedule.job_name, schedule_time=firing.time,
            schedule=schedule.label, params=schedule.params,
        )  # fmt: skip
        answer = send(request, deadline_s=self._timing.schedule_deadline_s)
        with self._changed:
            delay_s = self.schedules.ended(firing, is_success=answer.is_success, now=self._now())
            self._report("schedule", reports.schedule_answered(firing, answer, delay_s))
            self._changed.notify_all()

    def _push(self, push: Push) -> None:
        url = runs_url(self._service_url, push.subscription.pipeline)
        self._report("message", reports.pushed(push))
        answer = send(
            push_request(url, push.message, subscription=push.subscription.name, attempt=push.attempt),
            deadline_s=self._timing.push_deadline_s,
        )
        with self._changed:
            settled = self.broker.settle(push, status=answer.status, now=self._now())
            self._report("message", reports.push_answered(push, answer, settled))
            if settled.dead is not None:
                self._bury(push.subscription.dead_letter_topic, settled.dead)
            self._changed.notify_all()
        if self._google is not None and settled.delay_s is None:
            self._acknowledge(push)

    def _bury(self, topic: str, message: Message) -> None:
        if self._google is None:
            self.publish(topic, [Published(message.data, message.attributes, message.ordering_key)])
            return
        try:
            self._google.publish(topic, message)
            self._report("message", reports.published(topic, message, 0))
        except PublishError as error:
            self._report("message", f"✗ {error}")

    def _acknowledge(self, push: Push) -> None:
        try:
            if self._google is not None:
                self._google.acknowledge(push.subscription, push.message)
        except PublishError as error:
            self._report("message", f"✗ {error}")


def find_schedule(schedules: Sequence[DeclaredSchedule], name: str) -> DeclaredSchedule:
    """Return the schedule of that name, or the only one of the pipeline of that name.

    Raises: NotFoundError, naming those that there are."""
    found = [one for one in schedules if name in (one.job_name, f"{one.pipeline}/{one.name}")]
    found = found or [one for one in schedules if name in (one.pipeline, one.name)]
    if len(found) == 1:
        return found[0]
    known = [one.job_name for one in schedules]
    near = nearest(name, known)
    raise NotFoundError(
        f"{name!r} names {'several schedules' if found else 'no schedule'}.",
        f"The schedules are {', '.join(repr(one) for one in known) or 'none: no pipeline declares one'}.",
        f"Did you mean {near!r}?" if near and not found else "Give one of these names.",
    )
