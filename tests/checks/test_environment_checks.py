"""The checks of an environment: each by what it finds, where, and by what it lets pass."""

import subprocess
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from checks_project import NOW, Checkable
from pplns_deploy.checks.timing import changes_of, shortest_gap

ORDERS = 'triggers=[PubSub("orders")]'
KEYS = "GOOGLE_APPLICATION_CREDENTIALS"
NIGHTLY = 'triggers=[Schedule("30 2 * * *", timezone="America/New_York")]'


@pytest.fixture
def checkable(tmp_path: Path) -> Checkable:
    return Checkable(tmp_path)


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"options": 'triggers=[Schedule("0 6 * * *", timezone="America/New_York"), PubSub("orders")]'},
        {"options": 'triggers=[Schedule("30 2 * * *", timezone="Asia/Tokyo")]'},
        {"options": f"{ORDERS}, timeout='5m', max_concurrent_runs=1"},
        {"options": f"{ORDERS}, timeout='2h'"},
        {"body": 'Secret("token").value()', "table": '[@defaults]\nsecrets = {TOKEN = "token@1"}'},
        {"top": "import pandas, json, pplns\n"},
        {"top": "try:\n    import nothing\nexcept ImportError:\n    pass\n"},
        {"path": "gs://bucket/in"}, {"path": "data/in.csv"}, {"path": "/tmp/in.csv"},
        {"body": 'open("keys.csv")'},
        pytest.param(
            {
                "top": "def f():\n    import google.cloud.bigquery\n",
                "table": "[@defaults]\nbigquery = {jobs = true}",
            },
            marks=pytest.mark.skipif(not find_spec("google.cloud.bigquery"), reason="BigQuery's library isn't there"),
        ),
        {"table": 'params = {n = 2}\ninvokers = ["group:a@b.c"]\n[@pipelines.sales]\npaused = true'},
    ],
)  # fmt: skip
def test_what_is_sound_has_no_findings(checkable: Checkable, written: dict[str, str]):
    """Nothing is warned of that works; imports are locked where they are of libraries."""
    checkable.write(**written)
    checkable.lock("pandas", "google-cloud-bigquery")

    found = checkable.findings_now()

    assert found == []


@pytest.mark.parametrize(
    ("check", "severity", "message", "written"),
    [
        ("pipeline_tables", "error", "'saels'", {"table": "[@pipelines.saels]\npaused = true"}),
        ("params", "error", "'m'", {"table": "params = {m = 1}"}),
        ("params", "error", "'limit'", {"table": "[@pipelines.sales]\nparams = {limit = 1}"}),
        ("smoke", "error", "'limit'", {"table": "[@pipelines.sales]\nsmoke = {limit = 1}"}),
        (
            "smoke", "error", "isn't sent 'day'",
            {
                "top": "from pplns import pipeline\n\n@pipeline\ndef daily(day: str):\n    return day\n",
                "table": "[@pipelines.daily]\nsmoke = {}",
            },
        ),
        ("machines", "error", "2048 to 16384", {"table": "[@defaults]\nresources = {cpu = 4}"}),
        (
            "machines", "error", "whole CPUs",
            {"table": "[@defaults]\nresources = {cpu = 0.5, cpu_always = true}"},
        ),
        ("accounts", "warning", "roles/editor", {"table": '[@defaults]\nroles = ["roles/editor"]'}),
        ("invokers", "warning", "allUsers", {"table": 'invokers = ["allUsers"]'}),
        ("daylight_saving", "warning", "skipped on 2026-03-08", {"options": NIGHTLY}),
        ("daylight_saving", "warning", "repeated on 2026-11-01", {"options": NIGHTLY.replace("30 2", "30 1")}),
        (
            "request_times", "warning", "lasts 900 s",
            {"step": "(timeout=1200)", "table": "[@defaults]\ntimeout = '15m'"},
        ),
        ("bursts", "warning", "45 are run", {"options": f"{ORDERS}, timeout='20m', max_concurrent_runs=1"}),
        (
            "bursts", "warning", "90 are run",
            {"options": f"{ORDERS}, timeout='20m'", "table": "[@defaults]\nresources = {max_instances = 2}"},
        ),
        (
            "bursts", "warning", "fires every 300 s",
            {"options": 'triggers=[Schedule("*/5 * * * *")], timeout="20m", max_concurrent_runs=1'},
        ),
        ("secrets", "error", 'has no source', {"body": 'Secret("token").value()'}),
        ("secrets", "warning", "computed name", {"body": "Secret(str(n))"}),
        ("secrets", "error", "PATH", {"body": 'Secret("path")'}),
        (
            "secrets", "warning", "plain text",
            {"body": 'Secret("token")', "table": '[@defaults]\nenv = {TOKEN = "x"}'},
        ),
        ("secrets", "warning", "latest", {"table": '[@defaults]\nsecrets = {T = "t@latest"}'}),
        ("imports", "error", "'hypothesis', which isn't locked", {"top": "import hypothesis.strategies\n"}),
        ("imports", "warning", "no locked package", {"top": "def f():\n    import nothing_of_that_name\n"}),
        (
            "imports", "error", "'google-cloud-storage'",
            {
                "top": "def f():\n    from google.cloud import storage\n",
                "table": '[@defaults]\nbuckets = {read = ["x-y"]}',
            },
        ),
        ("credentials", "error", "sets GOOGLE", {"top": f"import os\nos.environ['{KEYS}'] = 'k'\n"}),
        ("credentials", "error", "sets GOOGLE", {"top": f"import os\nos.environ.setdefault('{KEYS}', '')\n"}),
        ("credentials", "error", "from_service_account_json", {"body": 'n.from_service_account_json("k")'}),
        ("credentials", "error", "'conf/my-key.json'", {"body": 'open("conf/my-key.json")'}),
        (
            "credentials", "error", "env of 'sales'",
            {"table": '[@defaults]\nenv = {GOOGLE_APPLICATION_CREDENTIALS = "/k.json"}'},
        ),
        ("local_paths", "warning", "default of 'path'", {"path": "/home/me/in.csv"}),
        ("local_paths", "warning", "C:", {"path": "C:\\Users\\me\\in.csv"}),
        (
            "local_paths", "warning", "trigger '0 6",
            {"options": 'triggers=[Schedule("0 6 * * *", params={"path": "~/x"})]'},
        ),
        ("local_paths", "warning", "variable 'DIR'", {"table": '[@defaults]\nenv = {DIR = "/mnt/x"}'}),
        ("sizes", "error", "32 KiB", {"table": f'[@defaults]\nenv = {{A = "{"x" * 33000}"}}'}),
        ("sizes", "error", "one variable", {"table": f'params = {{path = "{"x" * 33000}"}}'}),
        (
            "sizes", "error", "takes 1 MB",
            {"options": 'triggers=[Schedule("0 6 * * *", params={"path": "x" * 1100000})]'},
        ),
    ],
)  # fmt: skip
def test_each_check_finds_what_it_is_for(checkable: Checkable, check: str, severity: str, message: str, written):
    """One finding, of the right check, with a remedy and a place that exists."""
    checkable.write(**written)

    [found] = checkable.findings_now()

    assert (found.check, found.severity) == (check, severity)
    assert message in found.message
    assert found.remedy
    assert found.file is not None
    assert found.line is None or found.line <= len(found.file.read_text("utf-8").splitlines())


def test_a_key_is_told_its_account_and_its_grants(checkable: Checkable):
    """The remedy says as whom the container runs, and what that needs."""
    checkable.write(
        top="def f():\n    import google.cloud.bigquery as b\n    b.Client.from_service_account_json('k')\n"
    )
    checkable.lock("google-cloud-bigquery")

    remedies = {one.check: one.remedy for one in checkable.findings_now()}

    assert "pplns-sales-prod@acme-data.iam.gserviceaccount.com" in remedies["credentials"]
    assert "bigquery = {jobs = true" in remedies["credentials"]
    assert "[tool.pplns.env.prod.pipelines.sales]" in remedies["accounts"]


def test_two_triggers_that_would_share_a_name_are_found(checkable: Checkable):
    """An unnamed one is named for its kind."""
    checkable.write(options='triggers=[Schedule("0 6 * * *"), Schedule("0 7 * * *", name="schedule")]')

    [found] = checkable.findings_now()

    assert (found.check, found.severity) == ("names", "error")
    assert "'pplns-sales-prod_schedule'" in found.message


@pytest.mark.parametrize(("ignored", "checks"), [("", ["dotenv"]), (".env\n", [])])
def test_a_dotenv_that_git_would_take_is_found(checkable: Checkable, ignored: str, checks: list[str]):
    """Asked of git itself."""
    checkable.write()
    subprocess.run(["git", "init", "-q"], cwd=checkable.root, check=True)
    (checkable.root / ".gitignore").write_text(ignored)
    (checkable.root / ".env").write_text("TOKEN=1\n")

    assert [one.check for one in checkable.findings_now()] == checks


@pytest.mark.parametrize(
    "spoil", [Path.unlink, lambda file: file.write_text(file.read_text().replace("sha256:", "", 1))]
)
def test_a_lock_that_is_missing_or_stale_is_found(checkable: Checkable, spoil):
    """With the command that mends it."""
    checkable.write()
    spoil(checkable.root / "requirements.lock")

    [found] = checkable.findings_now()

    assert (found.check, found.severity) == ("lock", "error")
    assert "pplns lock" in found.remedy


def test_packages_for_a_pipeline_that_isn_t_there_are_found(checkable: Checkable):
    """The one that was meant would do without them."""
    checkable.write(table='[tool.pplns.lock.groups]\nsale = ["ml"]\nsales = ["ml"]\n[dependency-groups]\nml = []\n')

    [found] = [one for one in checkable.findings_now() if one.check == "lock_groups"]

    assert (found.severity, found.remedy) == ("error", "Did you mean 'sales'?")
    assert "'sale', which is no pipeline" in found.message


def test_a_large_file_is_found(checkable: Checkable):
    """It would be in the image; a hidden folder, and what .pplnsignore names, wouldn't."""
    checkable.write()
    (checkable.root / ".pplnsignore").write_text("/raw/\n")
    for place in ("data.bin", ".git/data.bin", "raw/data.bin", "__pycache__/data.bin"):
        (checkable.root / place).parent.mkdir(exist_ok=True)
        with (checkable.root / place).open("wb") as stream:
            stream.truncate(100_000_001)

    assert [(one.check, one.message.split()[0]) for one in checkable.findings_now()] == [("image_files", "data.bin")]


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a right there")
def test_what_packaging_would_refuse_is_found(checkable: Checkable, tmp_path: Path):
    """A key under a harmless name is left out with a warning; a link out of the project is an error."""
    checkable.write()
    (checkable.root / "prod.json").write_text('{"private_key": "x"}')
    [key] = checkable.findings_now()

    (checkable.root / "elsewhere").symlink_to("/etc")
    [link] = checkable.findings_now()

    assert (key.check, key.severity, key.message.split()[0]) == ("image_files", "warning", "prod.json")
    assert (link.check, link.severity) == ("image_files", "error")
    assert "out of the project" in link.message


@pytest.mark.parametrize(
    ("names", "severity"),
    [
        (('"db-token"', '"DB_TOKEN"'), "error"), (('"db-token"', '"Db-Token"'), "error"),
        (('"db-token"', '"db-token"'), None), (('"db-token"', '"db-tokens"'), None),
    ],
)  # fmt: skip
def test_secrets_that_share_a_variable_are_found(checkable: Checkable, names: tuple[str, str], severity: str | None):
    """In one pipeline they would have one value; only case, '-' and '_' make no difference."""
    one, other = names
    checkable.write(
        body=f"Secret({one}), Secret({other})", table='[@defaults]\nsecrets = {DB_TOKEN = "t@1", DB_TOKENS = "s@1"}'
    )

    found = checkable.findings_now()

    assert [(one.check, one.severity) for one in found] == ([("shared_variables", severity)] if severity else [])


def test_secrets_of_two_pipelines_share_a_laptops_variable(checkable: Checkable):
    """In the cloud each has its own, so that is a warning."""
    checkable.write(body='Secret("db-token")', table='[@defaults]\nsecrets = {DB_TOKEN = "t@1"}')
    code = (checkable.root / "pipelines" / "sales.py").read_text().replace("db-token", "DB_TOKEN")
    (checkable.root / "pipelines" / "returns.py").write_text(code.replace("def sales", "def returns"))

    [found] = checkable.findings_now()

    assert (found.check, found.severity) == ("shared_variables", "warning")
    assert "in 'returns'" in found.message


def test_a_change_of_clocks_is_found_to_the_minute():
    """New York, Lord Howe with its half hour, and UTC, which never changes."""
    york = [(begins.isoformat(), ends - begins, how) for begins, ends, how in changes_of("America/New_York", NOW)]
    howe = [ends - begins for begins, ends, _ in changes_of("Australia/Lord_Howe", NOW)]

    assert york[:2] == [
        ("2026-03-08T02:00:00", timedelta(hours=1), "skipped"), ("2026-11-01T01:00:00", timedelta(hours=1), "repeated"),
    ]  # fmt: skip
    assert set(howe) == {timedelta(minutes=30)}
    assert list(changes_of("UTC", NOW)) == []


@pytest.mark.parametrize(
    ("cron", "gap"),
    [("*/5 * * * *", 300), ("0 6 * * *", 86400), ("0 6,7 * * *", 3600), ("0 6 1 1 *", None), ("0 0 30 2 *", None)],
)
def test_the_shortest_gap_between_firings(cron: str, gap: int | None):
    """Within a week; a schedule that fires once or never has none."""
    found = shortest_gap(cron, NOW)

    assert (found and found.total_seconds()) == gap
