"""A continuation: the message by which a run goes on in a new request, with a new budget.

It names the run and the attempt that ended (0: none yet, the run is queued). Everything else comes from run.json."""

import json
from dataclasses import dataclass
from typing import Any, cast

from pplns.errors import ParameterError
from pplns.model.ids import check_run_id
from pplns.model.names import is_name, shorten
from pplns.triggers.messages import BadDelivery

MARK = "continuation"


@dataclass(frozen=True, slots=True)
class Continuation:
    """Go on with a run after the end of one of its attempts."""

    pipeline: str
    run_id: str
    attempt: int

    def as_bytes(self) -> bytes:
        """Return the data of the message."""
        payload = {"pplns": MARK, "pipeline": self.pipeline, "run_id": self.run_id, "attempt": self.attempt}
        return json.dumps(payload, separators=(",", ":")).encode("ascii")

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of the message: for people who look at the topic, nothing reads them."""
        return {"pplns": MARK, "pipeline": self.pipeline, "run_id": self.run_id, "attempt": str(self.attempt)}


def is_continuation(data: Any) -> bool:
    """Tell whether the JSON data of a message means to be a continuation."""
    return isinstance(data, dict) and cast("dict[str, Any]", data).get("pplns") == MARK


def read_continuation(data: Any, *, pipeline: str) -> Continuation:
    """Return the continuation in the JSON data of a message.

    Raises: BadDelivery for one that is garbled, or of another pipeline."""
    fields = cast("dict[str, Any]", data)
    name, run_id, attempt = fields.get("pipeline"), fields.get("run_id"), fields.get("attempt")
    if not (isinstance(name, str) and is_name(name) and _is_run_id(run_id) and _is_count(attempt)):
        raise BadDelivery(
            f"The continuation {shorten(fields)} is garbled.",
            "It names the pipeline, the run_id and the attempt that ended.",
            "Resume its run by hand: see `pplns runs`.",
        )
    if name != pipeline:
        raise BadDelivery(
            f"A continuation of pipeline {name!r} came to pipeline {pipeline!r}.",
            "Each pipeline has a topic of its own, whose subscription calls its own URL.",
            f"Point the subscription at /pipelines/{name}/runs.",
        )
    return Continuation(name, cast("str", run_id), cast("int", attempt))


def _is_run_id(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(check_run_id(value))
    except ParameterError:
        return False


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
