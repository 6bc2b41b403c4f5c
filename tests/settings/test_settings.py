"""Settings: where each value may come from, which one wins, and how a wrong one is named."""

from pathlib import Path

import pytest

from pplns.errors import ConfigError
from pplns.settings import TABLE, Settings, find_project, load_settings, topic_of


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, which is the current directory too."""
    folder = (tmp_path / "proj").resolve()
    folder.mkdir()
    write(folder, "[tool.pplns]\n")
    monkeypatch.chdir(folder)
    return folder


def write(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def refused(project: Path | None = None, **kwargs: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(project, flags=kwargs.get("flags", {}), environ=kwargs.get("environ", {}))
    assert caught.value.met
    assert caught.value.expected
    assert caught.value.remedy
    return str(caught.value)


def test_an_empty_table_gives_the_defaults(project: Path):
    """A project needs nothing but the table."""
    settings = load_settings(environ={})

    assert settings == Settings(root_dir=str(project), pipelines_dir=str(project / "pipelines"))


def test_defaults_in_the_table_are_those_of_the_dataclass(project: Path):
    """What the table, and so the docs, calls a default is what a project without the key gets."""
    written = {row.variable: row.default for row in TABLE if row.default}

    settings = load_settings(environ=written)

    assert settings == Settings(
        root_dir=str(project), pipelines_dir=str(project / "pipelines"), store=f"file:{project / '.pplns'}"
    )


def test_a_flag_wins_over_the_environment_over_the_file(project: Path):
    """The nearer to the person who types, the stronger."""
    write(project, '[tool.pplns]\ntimezone = "Europe/Berlin"\nstore = "memory:"\ntable_format = "parquet"\n')

    settings = load_settings(
        environ={"PPLNS_STORE": "gs://b/env", "PPLNS_TIMEZONE": "Asia/Tokyo"}, flags={"store": "gs://b/flag"}
    )

    assert (settings.store, settings.timezone, settings.table_format) == ("gs://b/flag", "Asia/Tokyo", "parquet")


def test_every_setting_is_read_from_the_environment(project: Path):
    """A container has no file to edit."""
    environ = {
        "PPLNS_PIPELINES": "sales", "PPLNS_STORE": "memory:", "PPLNS_TABLE_FORMAT": "parquet",
        "PPLNS_TIMEZONE": "America/New_York", "PPLNS_PIPELINE": "daily", "PPLNS_LEASE_SECONDS": "1.5",
        "CLOUD_RUN_TIMEOUT_SECONDS": "900", "PPLNS_PUSH_SECONDS": "60", "PPLNS_SCHEDULE_SECONDS": "180",
        "PPLNS_MARGIN_SECONDS": "5", "PPLNS_TOPIC": "projects/sales-1/topics/{pipeline}-runs",
        "PPLNS_DEAD_LETTER_TOPIC": "projects/sales-1/topics/dead", "PPLNS_AUDIENCE": "https://pplns.example",
        "PPLNS_ALLOWED_CALLERS": "a@x.example, b@x.example", "PPLNS_LOG_FORMAT": "json", "PPLNS_CLOUD_LOGGING": "1",
        "PPLNS_CLOUD_RUN_CHECKS": "1", "NO_COLOR": "1",
        "GOOGLE_CLOUD_PROJECT": "sales-1", "K_SERVICE": "daily", "PORT": "9090",
        "PPLNS_CERTIFICATES_URL": "http://127.0.0.1:8000/certs", "PPLNS_PARAMS": '{"region": "eu"}',
    }  # fmt: skip

    settings = load_settings(project, environ=environ)

    assert set(environ) == {row.variable for row in TABLE}
    assert settings == Settings(
        str(project), str(project / "sales"), "memory:", "parquet", "America/New_York", "daily", 1.5,
        request_seconds=900, push_seconds=60, schedule_seconds=180, margin_seconds=5,
        topic="projects/sales-1/topics/{pipeline}-runs", dead_letter_topic="projects/sales-1/topics/dead",
        audience="https://pplns.example", allowed_callers=("a@x.example", "b@x.example"), log_format="json",
        cloud_logging=True, cloud_run_checks=True, no_color=True, google_project="sales-1", cloud_service="daily",
        port=9090, certificates_url="http://127.0.0.1:8000/certs", params={"region": "eu"},
    )  # fmt: skip
    assert topic_of(settings.topic, "daily") == "projects/sales-1/topics/daily-runs"


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"PPLNS_AUDIENCE": "https://pplns.example"}, "PPLNS_ALLOWED_CALLERS isn't"),
        ({"PPLNS_ALLOWED_CALLERS": "a@x.example"}, "PPLNS_AUDIENCE isn't"),
    ],
)
def test_half_a_check_of_callers_is_refused(project: Path, environ: dict[str, str], missing: str):
    """An audience alone lets any account in, a list alone is never looked at: neither is what it looks like."""
    with pytest.raises(ConfigError, match=missing):
        load_settings(project, environ=environ)


def test_an_audience_is_enough_where_cloud_run_checks(project: Path):
    """Who may call is said by roles/run.invoker then."""
    environ = {"PPLNS_AUDIENCE": "https://pplns.example", "PPLNS_CLOUD_RUN_CHECKS": "1"}

    assert load_settings(project, environ=environ).allowed_callers == ()


def test_an_empty_no_color_counts_as_unset(project: Path):
    """As no-color.org has it; of our own variables an empty one is a mistake."""
    assert load_settings(project, environ={"NO_COLOR": ""}).no_color is False


def test_a_module_may_stand_for_the_folder(project: Path):
    """`module:name` is kept as it is, and the root is where it is imported from."""
    settings = load_settings(environ={"PPLNS_PIPELINES": "acme.sales:daily"})

    assert (settings.pipelines_module, settings.pipelines) == ("acme.sales:daily", project)


def test_a_drive_letter_is_no_module(project: Path):
    """`C:pipelines` is a path of Windows."""
    assert load_settings(environ={"PPLNS_PIPELINES": "C:pipelines"}).pipelines_module is None


def test_a_store_in_the_file_stays_relative_to_the_root(project: Path, monkeypatch: pytest.MonkeyPatch):
    """The same project has the same store from wherever it is run."""
    write(project, '[tool.pplns]\nstore = "file:data/store?fsync=1"\n')
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")

    assert load_settings(environ={}).store == "file:data/store?fsync=1"


@pytest.mark.parametrize(
    "given", [{"flags": {"store": "file:s?fsync=1"}}, {"environ": {"PPLNS_STORE": "file:s?fsync=1"}}]
)
def test_a_store_that_is_typed_starts_where_it_is_typed(
    project: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, dict[str, str]]
):
    """A relative path in a shell means the current directory."""
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")

    settings = load_settings(flags=given.get("flags", {}), environ=given.get("environ", {}))

    assert settings.store == f"file:{project / 'deep' / 's'}?fsync=1"


@pytest.mark.parametrize("url", ["memory:", "memory:shared", "gs://bucket", "gs://bucket/a/b"])
def test_a_store_elsewhere_stays_as_it_is(project: Path, url: str):
    """Only a path of this machine is made absolute."""
    assert load_settings(flags={"store": url}, environ={}).store == url


def test_a_home_directory_is_understood(project: Path):
    """The shell leaves `~` alone after `file:`."""
    assert load_settings(environ={"PPLNS_STORE": "file:~/runs"}).store == f"file:{Path.home() / 'runs'}"


def test_the_project_is_found_from_a_folder_below(project: Path):
    """A command works anywhere inside."""
    (project / "a" / "b").mkdir(parents=True)
    write(project / "a", '[project]\nname = "other"\n')

    assert find_project(project / "a" / "b") == project


def test_a_symlinked_project_is_the_one_it_points_to(project: Path, tmp_path: Path):
    """Both names give the same files, and so the same code digests."""
    link = tmp_path / "link"
    try:
        link.symlink_to(project, target_is_directory=True)
    except OSError:
        pytest.skip("this account may not make symbolic links")

    assert load_settings(link, environ={}).root == project


def test_a_byte_order_mark_and_windows_line_ends_are_read(project: Path):
    """Notepad writes them."""
    (project / "pyproject.toml").write_bytes(b'\xef\xbb\xbf[tool.pplns]\r\ntimezone = "Asia/Tokyo"\r\n')

    assert load_settings(environ={}).timezone == "Asia/Tokyo"


def test_pipelines_of_the_environment_name_the_project(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A container may start in any directory."""
    monkeypatch.chdir(tmp_path)
    (project / "pipelines").mkdir()

    settings = load_settings(environ={"PPLNS_PIPELINES": "proj/pipelines"})

    assert (settings.root, settings.pipelines) == (project, project / "pipelines")


def test_a_folder_without_a_project_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """PPLNS_PIPELINES alone is enough to serve."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales").mkdir()

    settings = load_settings(environ={"PPLNS_PIPELINES": str(tmp_path / "sales")})

    assert (settings.root, settings.pipelines) == ((tmp_path / "sales").resolve(), tmp_path / "sales")


def test_no_project_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The first error that a newcomer meets."""
    monkeypatch.chdir(tmp_path)

    assert "pplns init" in refused()


def test_a_project_folder_that_is_missing_is_named(tmp_path: Path):
    """A mistyped --project isn't searched above."""
    assert "nowhere" in refused(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('stor = "memory:"', "Did you mean 'store'?"),
        ('zzz = "memory:"', "'timezone'"),
        ("pipelines = 3", "pipelines in [tool.pplns] of "),
        ('pipelines = ""', "is empty"),
        ("store = []", "file:PATH, gs://BUCKET/PREFIX or memory:"),
        ('store = "s3://bucket"', "'s3://bucket'"),
        ('store = "file:"', "'file:'"),
        ('table_format = "csv"', "'arrow' or 'parquet'"),
        ("table_format = true", "True"),
        ('timezone = "Mars/Olympus"', "'Mars/Olympus'"),
        ('timezone = "../../etc/passwd"', "IANA"),
        ("lease_seconds = 5", "'lease_seconds'"),
    ],
)
def test_a_wrong_line_in_the_file_is_named(project: Path, text: str, named: str):
    """Key and file, what was met and what is expected."""
    write(project, f"[tool.pplns]\n{text}\n")

    message = refused()

    assert named in message
    assert str(project / "pyproject.toml") in message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PPLNS_STORE", ""), ("PPLNS_STORE", "data/store"), ("PPLNS_TABLE_FORMAT", "Arrow"), ("PPLNS_TIMEZONE", ""),
        ("PPLNS_PIPELINE", ""), ("PPLNS_PIPELINE", " "), ("PPLNS_PIPELINES", ""), ("PPLNS_PIPELINES", " "),
        ("PPLNS_LEASE_SECONDS", "0"), ("PPLNS_LEASE_SECONDS", "-1"), ("PPLNS_LEASE_SECONDS", "30s"),
        ("PPLNS_LEASE_SECONDS", "nan"), ("PPLNS_LEASE_SECONDS", "inf"),
    ],
)  # fmt: skip
def test_a_wrong_environment_variable_is_named(project: Path, variable: str, value: str):
    """Set but empty is a mistake in a deployment, never a silent default."""
    message = refused(environ={variable: value})

    assert f"environment variable {variable}" in message
    assert "empty" in message if not value else repr(value) in message


def test_a_wrong_flag_is_named(project: Path):
    """The person typed it, so it is named as typed."""
    assert "The flag --store is 'ftp://x'" in refused(flags={"store": "ftp://x"})


def test_an_unknown_flag_gets_the_nearest_name(project: Path):
    """A caller in code that misspells one isn't ignored."""
    assert "Did you mean 'timezone'?" in refused(flags={"time_zone": "UTC"})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"[tool.pplns]\n\nstore = file\n", 3),
        (b"[tool.pplns]\nstore = [1,\n", 3),
        (b"[tool.pplns]\n# \xff\n", 2),
        (b"[tool", 1),
    ],
)
def test_what_is_no_toml_is_named_with_its_line(project: Path, text: bytes, line: int):
    """An editor can jump there."""
    (project / "pyproject.toml").write_bytes(text)

    assert f"{project / 'pyproject.toml'}, line {line}: " in refused()


@pytest.mark.parametrize("text", ["tool = 3", '[tool]\npplns = "pipelines"', "[tool]\nother = 1"])
def test_a_tool_table_of_another_kind_is_no_crash(project: Path, text: str):
    """Whatever stands there, the answer is a message."""
    write(project, text)

    assert "[tool.pplns]" in refused()
