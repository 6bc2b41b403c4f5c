"""BigQuery through google-cloud-bigquery: one day of a table read by a query, one day replaced by a load.

A load's id is made of the run's key, and BigQuery refuses an id that it has seen (409). So whoever comes second, after
a kill or beside a holder that was only slow, finds the load that is there and waits for it. An id whose load failed
is spent as well, though it wrote nothing: the next number is taken."""

import io
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, cast

from daily_orders.refusals import refusal_of
from pplns import RetryableError, TerminalError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from google.api_core.retry import Retry
    from google.cloud import bigquery

REQUEST_SECONDS = 60.0
RETRY_SECONDS = 20.0  # the client smooths over what is short; what lasts is the step's Retry's, which the run records
UPLOAD_RETRIES = 2
WAIT_SECONDS = 200.0  # for a query or load to end; below the timeout of the steps

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
            "Run `pip install google-cloud-bigquery`, or pass `-p warehouse=local`.",
        ) from error
    with translated("find an account and a project"):
        try:
            return bigquery.Client(project=project, location=location)
        except OSError as error:
            if type(error) is not OSError:  # a connection's, which may come back
                raise
            raise TerminalError(
                f"No project is given: {error}", "The credentials name none.", "Pass `-p project=PROJECT`."
            ) from error


class BigQueryWarehouse:
    """Reads and writes tables of one dataset, partitioned by their column `day`."""

    def __init__(self, client: "bigquery.Client", dataset: str, *, location: str) -> None:
        self._client = client
        self._dataset = dataset
        self._location = location

    def read(self, table: str, columns: tuple[str, ...], *, day: date | None = None) -> "pd.DataFrame":
        """Return the named columns as text, of one day where `day` is given; it costs what that partition costs."""
        import pandas as pd
        from google.cloud import bigquery

        selected = ", ".join(f"IFNULL(CAST({name} AS STRING), '') AS {name}" for name in columns)
        which = "" if day is None else " WHERE day = @day"
        parameters = [] if day is None else [bigquery.ScalarQueryParameter("day", "DATE", day)]
        with translated(f"read the table {self._name(table)!r}"):
            query = self._client.query(
                f"SELECT {selected} FROM `{self._name(table)}`{which}",
                job_config=bigquery.QueryJobConfig(query_parameters=parameters),
                location=self._location,
                retry=_briefly(),
                job_retry=None,
                timeout=REQUEST_SECONDS,
            )
            rows = cast("Iterable[Mapping[str, str]]", query.result(retry=_briefly(), timeout=WAIT_SECONDS))
            texts = [[row[name] for name in columns] for row in rows]
        return pd.DataFrame(texts, columns=list(columns), dtype="str")

    def replace_day(self, table: str, rows: "pa.Table", *, day: date, key: str) -> str:
        """Replace the partition of `day` by `rows`, by one load that succeeds once for each key; return its id."""
        name = self._name(table)
        loads = (f"pplns-{key}-{number}" for number in count(1))
        with translated(f"write the table {name!r}"):
            self._ensure_table(name, rows)
            return next(load for load in loads if self._load(f"{name}${day:%Y%m%d}", rows, load=load))

    def _load(self, partition: str, rows: "pa.Table", *, load: str) -> bool:
        """Create a load and wait until it has succeeded; False where an earlier try made it and it failed."""
        from google.api_core.exceptions import Conflict

        content = _parquet(rows)
        try:
            created = self._client.load_table_from_file(
                io.BytesIO(content),
                partition,
                size=len(content),
                num_retries=UPLOAD_RETRIES,
                job_id=load,
                location=self._location,
                job_config=_load_config(rows),
                timeout=REQUEST_SECONDS,
            )
        except Conflict:
            return _wait_for_earlier(self._find(load))
        created.result(retry=_briefly(), timeout=WAIT_SECONDS)
        return True

    def _find(self, load: str) -> "bigquery.LoadJob":
        from google.api_core.exceptions import NotFound

        try:
            found = self._client.get_job(load, location=self._location, retry=_briefly(), timeout=REQUEST_SECONDS)
        except NotFound as error:  # right after the 409 it may not be listed yet
            raise RetryableError(
                f"The load {load!r} exists and isn't found in the location {self._location!r}.",
                "It is found where it was made, some seconds later at most.",
                "If it stays so, resume with the account and location that the run began with.",
            ) from error
        return cast("bigquery.LoadJob", found)

    def _ensure_table(self, name: str, rows: "pa.Table") -> None:
        """Make the table, partitioned by `day`, where it isn't there yet."""
        from google.api_core.exceptions import NotFound
        from google.cloud import bigquery

        try:
            self._client.get_table(name, retry=_briefly(), timeout=REQUEST_SECONDS)
        except NotFound:
            table = bigquery.Table(name, schema=_schema(rows))
            table.time_partitioning = bigquery.TimePartitioning(type_="DAY", field="day")
            self._client.create_table(table, exists_ok=True, retry=_briefly(), timeout=REQUEST_SECONDS)

    def _name(self, table: str) -> str:
        return f"{self._client.project}.{self._dataset}.{table}"


@contextmanager
def translated(what: str) -> Generator[None]:
    """Turn each error of Google's libraries into one that says whether a later try may help."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from requests import RequestException

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, RequestException, TimeoutError, ConnectionError) as error:
        raise refusal_of(error, what=what) from error


def _wait_for_earlier(load: "bigquery.LoadJob") -> bool:
    """Wait for the load of an earlier try, and tell whether it succeeded; a failed one has written nothing."""
    from google.api_core.exceptions import GoogleAPICallError

    try:
        load.result(retry=_briefly(), timeout=WAIT_SECONDS)
    except GoogleAPICallError:
        if not load.done(reload=False):  # it was the question that failed, not the load
            raise
        return False
    return True


def _briefly() -> "Retry":
    from google.cloud import bigquery

    return bigquery.DEFAULT_RETRY.with_timeout(RETRY_SECONDS)


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

    columns = zip(rows.schema.names, rows.schema.types, strict=True)
    return [bigquery.SchemaField(name, TYPES[str(kind)]) for name, kind in columns]


def _parquet(rows: "pa.Table") -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    with pq.ParquetWriter(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue()
