"""The health of a process: asked for at each start, so it needs little."""

import os
from collections.abc import Iterable

from pplns._version import __version__
from pplns.errors import PplnsError
from pplns.loader import Broken
from pplns.paths import from_folder, steps_down
from pplns.server.answers import Answer, Draining, answer_error, error_body
from pplns.server.process import Process, Served


def show_health(process: Process) -> Answer:
    """Return 200 while this process takes requests: every pipeline that it is to serve alone is loaded, and no SIGTERM.

    Where several files are served a broken one is named and hides no other."""
    if process.drain.is_set:
        return answer_error(Draining())
    try:
        served = process.served()
    except PplnsError as error:
        return Answer(503, answer_error(error).body, {"Retry-After": "10"})
    return Answer(200, {"status": "ok", "version": __version__, "pipelines": list(served.found.pipelines),
                        "broken": broken_json(served)})  # fmt: skip


def without_details(answer: Answer) -> Answer:
    """Return an answer of `/health` for a caller that isn't known: no names, and nothing that an error says."""
    if answer.status == 200:
        return Answer(200, {"status": "ok"})
    body = error_body("unavailable", "The service takes no requests.", "Ask with a token of a caller to hear why.")
    return Answer(answer.status, body, answer.headers)


def broken_json(served: Served, unusable: Iterable[Broken] = ()) -> list[dict[str, object]]:
    """Return what is wrong with each broken file, and with `unusable` pipelines; paths from the project folder."""
    root = served.settings.root_dir
    return [
        {
            "file": os.path.basename(one.file) if steps_down(root, one.file) is None else from_folder(root, one.file),
            "line": one.line, "message": one.message, "hint": one.remedy,
        }
        for one in (*served.found.broken, *unusable)
    ]  # fmt: skip
