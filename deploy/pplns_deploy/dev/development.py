"""All of `pplns dev` together: what the project declares, the service, the endpoint, the loop, and reload."""

import os
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pplns.errors import PplnsError
from pplns.settings import Settings
from pplns_deploy.dev import reports
from pplns_deploy.dev.declared import Declared, ask_declared, dead_letter_topic, own_topic
from pplns_deploy.dev.emulation import Emulation, Timing
from pplns_deploy.dev.endpoint import Answers, open_endpoint
from pplns_deploy.dev.google_emulator import GoogleEmulator
from pplns_deploy.dev.presence import Presence, announce, withdraw
from pplns_deploy.dev.reports import Report
from pplns_deploy.dev.service import LOOK_SECONDS, ServiceProcess, Start, framework_command, service_target
from pplns_deploy.dev.watching import changed, look

LOCAL_PROJECT = "pplns-dev"  # of Google Cloud, where GOOGLE_CLOUD_PROJECT names none
NOTHING = Declared((), (), ())

State = Literal["starting", "up", "down"]  # of the service, as other commands are told


class Development:
    """A service under development, from `run` until `end`."""

    def __init__(
        self, settings: Settings, *, port: int, environ: Mapping[str, str], report: Report, timing: Timing,
        has_schedules: bool,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._environ = environ
        self._report = report
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._gcp_project = environ.get("GOOGLE_CLOUD_PROJECT") or LOCAL_PROJECT
        self._url = f"http://127.0.0.1:{port}"
        emulator = environ.get("PUBSUB_EMULATOR_HOST")
        self._google = GoogleEmulator(emulator) if emulator else None
        self._folders = tuple(dict.fromkeys((settings.root, settings.pipelines)))
        self._service: ServiceProcess | None = None
        self._state: State = "starting"
        self._emulation = Emulation(
            NOTHING, service_url=self._url, report=report, now=_now, timing=timing, google=self._google,
            has_schedules=has_schedules,
        )  # fmt: skip
        self._endpoint = open_endpoint(
            Answers(self._about, self._emulation.has_topic, self._emulation.publish, self._emulation.fire)
        )
        self._loop = threading.Thread(target=self._emulation.run, args=(self._stop,), name="emulation", daemon=True)

    def run(self, *, fire: Sequence[str] = ()) -> None:
        """Serve, reload and emulate until `end` is called, from another thread.

        Raises: PplnsError where the project can't be loaded at the start, or a schedule to fire isn't there."""
        self._redeclare()
        self._announce()
        self._loop.start()
        to_fire = list(fire)
        seen = look(self._folders)
        while not self._stop.is_set():
            self._state = "up" if self._start_service() else "down"
            if self._state == "up":
                while to_fire:
                    self._emulation.fire(to_fire.pop(0))
            after = self._wait_for_change(seen)
            if self._stop.is_set():
                return
            self._state = "starting"
            self._emulation.set_up(is_up=False)
            self._end_service()
            if files := changed(seen, after):
                self._report("reload", f"{_names(files, self._settings.root)} changed")
                self._try_to_redeclare()
            seen = after

    def end(self) -> list[str]:
        """End everything; return what is said about messages that weren't delivered."""
        with self._starting:  # none is started after this
            self._stop.set()
        self._emulation.wake()
        self._end_service()
        self._endpoint.shutdown()
        self._endpoint.server_close()
        withdraw(self._settings.root)
        left = self._emulation.broker.undelivered
        if not left:
            return []
        where = "They stay in Google's emulator." if self._google else "They were kept in memory only."
        listed = [f"  {push.message.message_id} for {push.subscription.pipeline}" for push in left[:20]]
        return [f"{len(left)} not delivered. {where}", *listed, *(["  …"] if len(left) > 20 else [])]

    def _wait_for_change(self, seen: Mapping[str, tuple[int, int]]) -> Mapping[str, tuple[int, int]]:
        """Wait until a file changed, the service ended by itself, or all ends; return the files as they are then."""
        was_up = self._service is not None and self._service.exit_code is None
        while True:
            is_over = self._stop.wait(LOOK_SECONDS)
            after = look(self._folders)
            if is_over or after != seen:
                return after
            if was_up and self._service is not None and self._service.exit_code is not None:
                self._report("service", f"- ended with {self._service.exit_code}; it is started again")
                return after

    def _start_service(self) -> bool:
        start = Start(
            command=framework_command(urlsplit(self._url).port or 0), environ=self._service_environ(),
            folder=self._settings.root, url=self._url,
        )  # fmt: skip
        with self._starting:
            if self._stop.is_set():
                return False
            self._service = ServiceProcess(start, on_line=lambda line: self._report("log", line))
        if not self._service.wait_until_up(self._stop):
            if self._stop.is_set():
                return False
            self._end_service()
            self._report("service", "✗ did not come up; it is started again when a file changes")
            return False
        self._report(
            "service", f"✓ answers at {self._url}, with {', '.join(self._declared.pipelines) or 'no pipeline'}"
        )
        self._emulation.set_up(is_up=True)
        return True

    def _end_service(self) -> None:
        if self._service is not None:
            self._service.end()

    def _service_environ(self) -> dict[str, str]:
        """Return the environment of the service: as deployed, but for what is of this machine."""
        environ = dict(self._environ)
        environ.setdefault("PPLNS_PIPELINES", self._settings.pipelines_module or str(self._settings.pipelines))
        own = {
            "PPLNS_STORE": self._settings.store,
            "PUBSUB_EMULATOR_HOST": self._google.host if self._google else self._broker,
            "PPLNS_TOPIC": own_topic("{pipeline}", self._gcp_project),
            "PPLNS_DEAD_LETTER_TOPIC": dead_letter_topic("{pipeline}", self._gcp_project),
            "GOOGLE_CLOUD_PROJECT": self._gcp_project,
        }
        return environ | own | service_target()

    def _redeclare(self) -> None:
        self._declared = ask_declared(self._settings.root, gcp_project=self._gcp_project, environ=self._environ)
        for line in self._declared.broken:
            self._report("project", f"✗ {line}")
        self._emulation.redeclare(self._declared)
        if self._google is not None:
            self._google.prepare(self._declared.subscriptions)
            self._google.start(self._declared.subscriptions, offer=self._emulation.offer, stop=self._stop)
        for schedule in self._declared.schedules:
            time = self._emulation.schedules.next_time(schedule)
            self._report("schedule", reports.next_times(schedule.job_name, time, schedule.timezone))
        for one in self._declared.subscriptions:
            self._report("topic", reports.subscribed(one))

    def _try_to_redeclare(self) -> None:
        try:
            self._redeclare()
        except PplnsError as error:
            self._report("project", f"✗ {error}")

    def _announce(self) -> None:
        announce(self._settings.root, Presence(
            pid=os.getpid(), project=str(self._settings.root), service_url=self._url,
            endpoint_url=f"http://{self._broker}", broker=self._google.host if self._google else self._broker,
            gcp_project=self._gcp_project,
        ))  # fmt: skip

    def _about(self) -> dict[str, Any]:
        root = str(self._settings.root)
        return {"project": root, "pid": os.getpid(), "service_url": self._url, "service": self._state}

    @property
    def _broker(self) -> str:
        return f"127.0.0.1:{self._endpoint.server_port}"


def _names(files: Sequence[str], root: Path) -> str:
    shown = [os.path.relpath(file, root) for file in files[:3]]
    return ", ".join([*shown, *([f"{len(files) - 3} more"] if len(files) > 3 else [])])


def _now() -> datetime:
    return datetime.now(UTC)
