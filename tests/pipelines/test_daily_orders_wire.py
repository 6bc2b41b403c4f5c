"""The daily orders through google-cloud-bigquery itself, against a small server that speaks BigQuery's REST.

It proves what no stand-in for the client can: that the library is called as it wants to be, and what it makes of
BigQuery's answers. One test kills the process between the load and its checkpoint."""

import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from daily_orders.bigquery import BigQueryWarehouse
from daily_orders.pipeline import LINE_COLUMNS, TOTALS, daily_orders
from kit import Runs, settings_of
from pplns import LeaseHeld, TerminalError
from pplns.model.run import RunRecord
from pplns.stores import FileStore
from pplns.testing import run

with warnings.catch_warnings():  # google-api-core warns of a Python that is near its end of life
    warnings.simplefilter("ignore", FutureWarning)
    google_bigquery = pytest.importorskip("google.cloud.bigquery", reason="the example's own dependency")
    from google.auth.credentials import AnonymousCredentials

DAY = "2024-03-04"
SOLD = ["1-1", "1", "TEA-01", "2", "8.90"]
Json = dict[str, Any]

DIES_BEFORE_THE_CHECKPOINT = """
import os, sys
from pathlib import Path

from google.auth.credentials import AnonymousCredentials
from google.cloud.bigquery import Client

from daily_orders import bigquery
from daily_orders.pipeline import daily_orders
from kit import Runs, settings_of
from pplns.stores import FileStore


class DyingStore(FileStore):
    def create(self, name, data):
        if "/steps/write_totals@" in name:
            os._exit(9)
        return super().create(name, data)


endpoint, folder = sys.argv[1], Path(sys.argv[2])
bigquery.make_client = lambda project, location: Client(
    project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": endpoint}
)
params = {"day": "2024-03-04", "warehouse": "bigquery", "project": "acme-prod"}
Runs(DyingStore(folder / "state"), settings_of(folder, PPLNS_LEASE_SECONDS="1")).run(daily_orders, params, run_id="r")
"""


class BigQueryServer(ThreadingHTTPServer):
    """Tables as lists of rows, and each id of a job once."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.guard = threading.Lock()
        self.jobs: dict[str, Json] = {}
        self.totals: dict[str, list[Json]] | None = None  # by partition; None: no such table
        self.table: Json = {}
        self.requests: list[str] = []
        self.lost_answers = 0
        self.failure: str | None = None  # of each load to come

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def loads(self) -> list[str]:
        """The ids of the loads that were made."""
        return [name for name, job in self.jobs.items() if "load" in job["configuration"]]


class Handler(BaseHTTPRequestHandler):
    """The requests that the example makes."""

    server: BigQueryServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].rpartition("/")[2]
        if "/tables/" in self.path:
            self._answer(404 if self.server.totals is None else 200, self.server.table)
        elif "/queries/" in self.path:
            self._answer(200, self._result_of(self.server.jobs[name]))
        else:
            job = self.server.jobs.get(name)
            if job is not None:
                job["status"]["state"] = "DONE"
            self._answer(200 if job else 404, job or {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/upload/"):
            self._load(body)
        elif self.path.partition("?")[0].endswith("/tables"):
            self._create_table(json.loads(body))
        else:
            self._create(json.loads(body), state="DONE")

    def _create_table(self, table: Json) -> None:
        with self.server.guard:
            is_new = self.server.totals is None
            if is_new:
                self.server.totals, self.server.table = {}, table
        self._answer(200 if is_new else 409, self.server.table)

    def _load(self, body: bytes) -> None:
        """Take a load from a multipart upload: its description, then a Parquet file."""
        boundary = re.findall(r"boundary=\"?([^\";]+)", self.headers["Content-Type"])[0]
        parts = [part.partition(b"\r\n\r\n")[2][:-2] for part in body.split(f"--{boundary}".encode())[1:3]]
        job = json.loads(parts[0])
        with self.server.guard:
            is_new = job["jobReference"]["jobId"] not in self.server.jobs
            if is_new and self.server.failure is None:
                assert self.server.totals is not None
                partition = job["configuration"]["load"]["destinationTable"]["tableId"].partition("$")[2]
                self.server.totals[partition] = pq.read_table(io.BytesIO(parts[1])).to_pylist()
            self._create(job, state="RUNNING")

    def _create(self, job: Json, *, state: str) -> None:
        """Answer 409 to an id that was there; lose the answer where that was asked for."""
        reference = job["jobReference"]
        if reference["jobId"] in self.server.jobs:
            self._answer(
                409, {"error": {"code": 409, "message": "Already Exists", "errors": [{"reason": "duplicate"}]}}
            )
            return
        job["status"] = {"state": state}
        if "load" in job["configuration"] and self.server.failure is not None:
            job["status"]["errorResult"] = {"reason": self.server.failure, "message": "so it is"}
        self.server.jobs[reference["jobId"]] = job
        if self.server.lost_answers and state == "RUNNING":
            self.server.lost_answers -= 1
            self._answer(503, {})
        else:
            self._answer(200, job)

    def _result_of(self, job: Json) -> Json:
        sql = job["configuration"]["query"]["query"]
        names = re.findall(r" AS (\w+)(?:,| FROM)", sql)
        values = {"orders": [SOLD], "returns": [], "products": [["TEA-01", "tea"]]}
        rows = values[re.findall(r"FROM `acme-prod\.shop\.(\w+)`", sql)[0]]
        return {
            "jobComplete": True,
            "jobReference": job["jobReference"],
            "totalRows": str(len(rows)),
            "schema": {"fields": [{"name": name, "type": "STRING"} for name in names]},
            "rows": [{"f": [{"v": value} for value in row]} for row in rows],
        }

    def _answer(self, status: int, content: Json) -> None:
        self.server.requests.append(f"{self.command} {self.path.partition('?')[0]} {status}")
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[BigQueryServer]:
    with BigQueryServer() as started:
        thread = threading.Thread(target=started.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield started
        started.shutdown()
        thread.join()


@pytest.fixture
def client(server: BigQueryServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A real client of the server, in the place of the one function that makes clients."""
    options = {"api_endpoint": server.url}
    with google_bigquery.Client("acme-prod", AnonymousCredentials(), client_options=options) as made:
        monkeypatch.setattr("daily_orders.bigquery.make_client", lambda project, location: made)
        yield made


PARAMS = {"day": DAY, "warehouse": "bigquery", "project": "acme-prod"}
ONCE = [dict(zip(TOTALS, (date(2024, 3, 4), "tea", 1, 2, 1780, 0, 0, 1780), strict=True))]


def test_a_run_speaks_to_bigquery(server: BigQueryServer, client: Any):
    """Three queries by day, the table made with its partitions, one load into the day's partition."""
    done = run(daily_orders, PARAMS)

    assert done.state == "succeeded"
    assert server.totals == {"20240304": ONCE}
    assert server.loads == [done.result["written"]["load"]]
    assert server.table["timePartitioning"] == {"type": "DAY", "field": "day"}
    assert [field["type"] for field in server.table["schema"]["fields"][:3]] == ["DATE", "STRING", "INTEGER"]
    (load,) = (server.jobs[name]["configuration"]["load"] for name in server.loads)
    assert (load["writeDisposition"], load["sourceFormat"]) == ("WRITE_TRUNCATE", "PARQUET")


def test_a_query_asks_for_one_day_as_a_parameter(server: BigQueryServer, client: Any):
    """The day is no part of the text, every column comes as text, and the location is the run's."""
    rows = BigQueryWarehouse(client, "shop", location="EU").read("orders", LINE_COLUMNS, day=date(2024, 3, 4))

    (job,) = server.jobs.values()
    query = job["configuration"]["query"]
    assert rows.values.tolist() == [SOLD]
    assert job["jobReference"]["location"] == "EU"
    assert query["query"].endswith("FROM `acme-prod.shop.orders` WHERE day = @day")
    assert query["queryParameters"][0]["parameterValue"] == {"value": DAY}


def test_an_upload_whose_answer_was_lost_is_found(server: BigQueryServer, client: Any):
    """The library sends the upload again by itself, is told 409, and the load that is there counts."""
    server.lost_answers = 1

    done = run(daily_orders, PARAMS)

    assert done.state == "succeeded"
    assert len(server.loads) == 1
    uploads = [request.rpartition(" ")[2] for request in server.requests if "/upload/" in request]
    assert uploads == ["503", "409"]


def test_a_load_that_failed_is_told_by_its_reason(server: BigQueryServer, client: Any):
    """The reason stands in the error, and a repeat with the same key takes the next number."""
    warehouse = BigQueryWarehouse(client, "shop", location="US")
    rows = pa.schema(TOTALS).empty_table()
    server.failure = "invalid"
    with pytest.raises(
        TerminalError, match=r"refused to write the table 'acme-prod\.shop\.daily_totals': 400 so it is"
    ):
        warehouse.replace_day("daily_totals", rows, day=date(2024, 3, 4), key="k")
    server.failure = None

    load = warehouse.replace_day("daily_totals", rows, day=date(2024, 3, 4), key="k")

    assert load == "pplns-k-2"
    assert server.totals == {"20240304": []}


def test_a_process_that_dies_after_its_load_leaves_the_day_once(server: BigQueryServer, client: Any, tmp_path: Path):
    """Killed before the checkpoint of the write, the run goes on in another process and loads nothing again."""
    folders = [str(Path(__file__).parents[2] / name) for name in ("pipelines", "tests")]
    died = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE_THE_CHECKPOINT, server.url, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        check=False,
    )
    before = list(server.loads)

    record = resume_once_free(Runs(FileStore(tmp_path / "state"), settings_of(tmp_path)))

    assert died.returncode == 9, died.stderr.decode()
    assert (record.state, record.attempt) == ("succeeded", 2)
    assert server.loads == before == [record.result["written"]["load"]]
    assert server.totals == {"20240304": ONCE}


def test_of_two_holders_one_makes_the_load(server: BigQueryServer, client: Any):
    """A holder that was only slow and the one that took over write at a time: both succeed, by one load."""
    rows = pa.Table.from_pylist(ONCE, schema=pa.schema(TOTALS))
    both, loads = threading.Barrier(2), list[str]()

    def write() -> None:
        warehouse = BigQueryWarehouse(client, "shop", location="US")
        both.wait(10)
        loads.append(warehouse.replace_day("daily_totals", rows, day=date(2024, 3, 4), key="k"))

    holders = [threading.Thread(target=write) for _ in range(2)]
    for holder in holders:
        holder.start()
    for holder in holders:
        holder.join(30)

    assert loads == ["pplns-k-1", "pplns-k-1"]
    assert server.loads == ["pplns-k-1"]
    assert server.totals == {"20240304": ONCE}


def resume_once_free(runs: Runs) -> RunRecord:
    """Resume the run; where a dead holder can't be recognised, its lease of 1 s is waited for."""
    for _ in range(100):
        try:
            return runs.resume(daily_orders, "r")
        except LeaseHeld:
            time.sleep(0.1)
    raise AssertionError("the lease of the dead process never ran out")
