"""BigQuery through google-cloud-bigquery: one day of a table read by a query, one day replaced by a load.

A load's id is made of the run's key, and BigQuery refuses an id that it has seen (409). So whoever comes second, after
a kill or beside a holder that was only slow, finds the load that is there and waits for it. An id whose load failed
is spent as well, though it wrote nothing: the next number is taken."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from typing import TYPE_CHECKING

from daily_orders.refusals import refusal_of
from pplns import RetryableError, TerminalError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from google.cloud import bigquery

REQUEST_SECONDS = 60.0
WAIT_SECONDS = 240.0  # for a query or load to end; below the timeout of the steps

TYPES = {"date32[day]": "DATE", "string": "STRING", "int64": "INTEGER"}


def make_client(project: str | None, location: str) -> "bigquery.Client":
    """Return a client with the credentials of this machine; a test puts its own client in the place of this function.

    Without `project` it is the one of the credentials: on Cloud Run the project of the service."""
    try:
        from google.cloud import bigquery
    except ImportError as error:
        raise TerminalError(
            "google-cloud-bigquery is not installed.",
            "The warehouse 'bigquery' is reached through it.",
            "Run `pip install google-cloud-bigquery`, or use `-p warehouse=local`.",
        ) from error
    with translated("make a client for BigQuery"):
        return bigquery.Client(project=project, location=location)


class BigQueryWarehouse:
    """Reads and writes tables of one dataset, partitioned by their column `day`."""

    def __init__(self, client: "bigquery.Client", dataset: str, *, location: str) -> None:
        self._client = client
        self._dataset = dataset
        self._location = location

    def read(self, table: str, columns: tuple[str, ...], *, day: date | None = None) -> "pd.DataFrame":
        """Return the named columns as text, of one day where `day` is given; it costs what that partition costs."""
        from google.cloud import bigquery

        texts = ", ".join(f"IFNULL(CAST({name} AS STRING), '') AS {name}" for name in columns)
        which = "" if day is None else " WHERE day = @day"
        parameters = [] if day is None else [bigquery.ScalarQueryParameter("day", "DATE", day)]
        with translated(f"read the table {self._name(table)!r}"):
            query = self._client.query(
                f"SELECT {texts} FROM `{self._name(table)}`{which}",
                job_config=bigquery.QueryJobConfig(query_parameters=parameters),
                location=self._location,
                timeout=REQUEST_SECONDS,
            )
            # plain requests: the faster Storage API needs a library and a role more
            found = query.result(timeout=WAIT_SECONDS).to_arrow(create_bqstorage_client=False)
        return found.to_pandas()

    def replace_day(self, table: str, rows: "pa.Table", *, day: date, key: str) -> str:
        """Replace the partition of `day` by `rows`, by one load that succeeds once for each key; return its id."""
        name = self._name(table)
        with translated(f"write the table {name!r}"):
            self._ensure_table(name, rows)
            for number in count(1):
                load = f"pplns-{key}-{number}"
                if self._load(f"{name}${day:%Y%m%d}", rows, load=load):
                    return load
        raise AssertionError("numbers don't end")

    def _load(self, partition: str, rows: "pa.Table", *, load: str) -> bool:
        """Create a load and wait until it has succeeded; False where an earlier try made it and it failed."""
        from google.api_core.exceptions import Conflict

        content = _parquet(rows)
        try:
            created = self._client.load_table_from_file(
                io.BytesIO(content),
                partition,
                size=len(content),
                job_id=load,
                location=self._location,
                job_config=_load_config(rows),
                timeout=REQUEST_SECONDS,
            )
        except Conflict:
            return self._find(load).exception(timeout=WAIT_SECONDS) is None
        created.result(timeout=WAIT_SECONDS)
        return True

    def _find(self, load: str) -> "bigquery.LoadJob":
        from google.api_core.exceptions import NotFound
        from google.cloud import bigquery

        try:
            found = self._client.get_job(load, location=self._location, timeout=REQUEST_SECONDS)
        except NotFound as error:  # just after a 409 BigQuery may not know it yet
            raise RetryableError(
                f"The load {load!r} exists and isn't found in {self._location!r}.",
                "A load is found where it was made, some seconds later at most.",
                "If it stays so, give the location that the run began with.",
            ) from error
        if not isinstance(found, bigquery.LoadJob):
            raise TerminalError(
                f"{load!r} is no load.", "Ids that begin with 'pplns-' are ours.", "See who else makes such ids."
            )
        return found

    def _ensure_table(self, name: str, rows: "pa.Table") -> None:
        """Make the table, partitioned by `day`, where it isn't there yet."""
        from google.api_core.exceptions import NotFound
        from google.cloud import bigquery

        try:
            self._client.get_table(name, timeout=REQUEST_SECONDS)
        except NotFound:
            table = bigquery.Table(name, schema=_schema(rows))
            table.time_partitioning = bigquery.TimePartitioning(type_="DAY", field="day")
            self._client.create_table(table, exists_ok=True, timeout=REQUEST_SECONDS)

    def _name(self, table: str) -> str:
        return f"{self._client.project}.{self._dataset}.{table}"


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn each error of Google's libraries into one that says whether a later try may help."""
    from concurrent.futures import TimeoutError as WaitedTooLong

    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, RequestException, WaitedTooLong, ConnectionError) as error:
        raise refusal_of(error, what=what) from error


def _load_config(rows: "pa.Table") -> "bigquery.LoadJobConfig":
    """Describe a load that takes the place of its partition whole, or changes nothing."""
    from google.cloud import bigquery

    return bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        schema=_schema(rows),
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
    )


def _schema(rows: "pa.Table") -> "list[bigquery.SchemaField]":
    from google.cloud import bigquery

    return [bigquery.SchemaField(field.name, TYPES[str(field.type)]) for field in rows.schema]


def _parquet(rows: "pa.Table") -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(rows, sink)
    return sink.getvalue()
