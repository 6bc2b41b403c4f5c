"""`pplns check`: each check by what it finds, and by what it lets pass."""

from datetime import UTC, datetime

import pytest

from pplns import PubSub, Resources, Retry, Schedule, logical_date, pipeline, step
from pplns.settings import load_settings
from pplns_deploy.checks import check_pipeline, check_project
from pplns_deploy.checks.rules import memory_limits, waits_of

NOW = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    (tmp_path / "pipelines").mkdir()
    return load_settings(tmp_path, environ={})


@step
def load(n: int) -> int:
    return n


def findings_of(settings, **options):
    """Check a pipeline of one step that takes `n`, with other options."""
    one_step = options.pop("step", load)

    def checked(n: int, day=logical_date(), m: int = 1):
        return one_step(n)

    checked.__annotations__["day"] = datetime
    made = pipeline(**options)(checked)
    return [(found.severity, found.message) for found in check_pipeline(made, settings, now=NOW)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"triggers": [PubSub("orders")]},
        {"triggers": [PubSub("orders", filter=r'attributes."a\x41" = "b" AND NOT (attributes:c OR -attributes:d)')]},
        {"triggers": [Schedule("0 6 * * *", params={"n": 1}), Schedule("0 6 * * *", params={"n": 2}, name="two")]},
        {"timeout": 100, "step": load.options(timeout=25, retry=Retry(attempts=3, delay=5))},
        {"step": load.options(timeout=7200), "resources": Resources(cpu_always=True)},
        {"resources": Resources(cpu=4, memory="2Gi")},
        {"resources": Resources(cpu=0.08, memory="512Mi")},
    ],
)
def test_what_is_sound_has_no_findings(settings, options):
    """Parameters may come with a message; schedules differ by theirs; tries fit."""
    assert findings_of(settings, **options) == []


@pytest.mark.parametrize(
    ("options", "severity", "message"),
    [
        ({"triggers": [Schedule("0 6 * * *")]}, "error", "gives no value for 'n'"),
        ({"triggers": [PubSub("orders", filter='kind = "daily"')]}, "error", "can't be read at 'kind'"),
        ({"triggers": [Schedule("0 6 * * *", params={"n": "x"})]}, "error", "The parameter 'n'"),
        ({"triggers": [Schedule("0 6 * * *", params={"n": 1, "k": 1})]}, "error", "has no parameter 'k'"),
        ({"triggers": [PubSub("orders", params={"k": 1})]}, "error", "has no parameter 'k'"),
        ({"triggers": [PubSub("orders", params={"m": "x"})]}, "error", "The parameter 'm' is 'x'."),
        ({"triggers": [PubSub("orders"), PubSub("orders", name="again")]}, "warning", "stands there twice"),
        (
            {"triggers": [Schedule("0 6 * * *", timezone=zone, params={"n": 1}) for zone in ("UTC", "Asia/Tokyo")]},
            "error", "Two schedules are called '0 6 * * *'",
        ),
        (
            {"triggers": [Schedule("0 6 * * *", params={"n": number}) for number in (1, 2)]},
            "error", "Two schedules are called '0 6 * * *'",
        ),
        ({"timeout": 60, "step": load.options(timeout=61)}, "warning", "the whole pipeline one of 60 s"),
        ({"step": load.options(timeout=3601)}, "warning", "a request to Cloud Run lasts at most 3600 s"),
        ({"triggers": [PubSub("orders")], "step": load.options(timeout=601)}, "warning", "a Pub/Sub push lasts"),
        (
            {"timeout": 100, "step": load.options(timeout=45, retry=Retry(attempts=3, delay=5))},
            "warning", "may need 150 s for its 3 tries",
        ),
        ({"resources": Resources(cpu=8, memory="2Gi")}, "error", "Cloud Run gives 8 CPU 4096 to 32768 MiB."),
        ({"resources": Resources(cpu=0.4, memory="1Gi")}, "error", "Cloud Run gives 0.4 CPU 128 to 512 MiB."),
    ],
)  # fmt: skip
def test_each_check_finds_what_it_is_for(settings, options, severity, message):
    """One finding, of the right severity."""
    [(found_severity, found_message)] = findings_of(settings, **options)

    assert found_severity == severity
    assert message in found_message


def test_a_misused_handle_is_found_without_a_run(settings):
    """The graph is built with the defaults."""

    def misuse():
        if load(1):
            return load(2)
        return None

    [found] = check_pipeline(pipeline(misuse), settings, now=NOW)

    assert found.severity == "error"
    assert "tested for truth" in found.message


def test_a_misuse_is_found_at_its_own_line(settings):
    """Not at that of the pipeline function, and the place isn't said twice."""
    file = settings.pipelines / "misusing.py"
    file.write_text(
        "from pplns import pipeline, step\n@step\ndef s(): return 1\n@pipeline\ndef misusing():\n    return s() + 1\n"
    )

    [found] = check_project(settings, now=NOW).findings

    assert (found.file, found.line) == (file, 6)
    assert found.message.startswith("The output of step 's' was used with +.")


def test_steps_behind_an_unknown_parameter_are_not_guessed(settings):
    """A branch on a parameter without a default is checked only where a trigger gives it."""

    def branching(n: int):
        return load.options(timeout=3601)(n) if n > 1 else load(n)

    assert list(check_pipeline(pipeline(branching), settings, now=NOW)) == []


@pytest.mark.parametrize("has_unknowns", [False, True])
def test_a_constant_that_no_run_could_use_is_found(settings, has_unknowns):
    """Once, whether all parameters are known before a run or not; what is unknown is no such constant."""

    def given(n: int = 1):
        return load([n, {"client": object()}])

    def given_unknown(n: int):
        return load([n, {"client": object()}])

    made = pipeline(given_unknown if has_unknowns else given)
    [found] = set(check_pipeline(made, settings, now=NOW))

    assert (found.severity, found.check) == ("error", "constants")
    assert found.message.startswith("Argument 'n' of step 'load' is of the type object.")


def test_a_pipeline_without_steps_is_warned_of(settings):
    """Nothing of it would be checkpointed."""

    def empty():
        return 1

    [found] = check_pipeline(pipeline(empty), settings, now=NOW)

    assert (found.severity, found.message) == ("warning", "The pipeline calls no step: nothing of it is checkpointed.")


def test_a_store_that_does_not_last_is_warned_of(settings):
    """memory: forgets each run."""

    (settings.pipelines / "p.py").write_text(
        "from pplns import pipeline, step\n@step\ndef s(): return 1\n@pipeline\ndef checked_p(): return s()\n"
    )

    checked = check_project(settings.replace(store="memory:"), now=NOW)

    assert [finding.severity for finding in checked.findings] == ["warning"]
    assert "memory:" in checked.findings[0].message


@pytest.mark.parametrize(
    ("retry", "seconds"),
    [
        (Retry(attempts=1, delay=5), 0), (Retry(attempts=3, delay=5), 15), (Retry(attempts=4, delay=5, factor=1), 15),
        (Retry(attempts=4, delay=200, max_delay=300), 800),
    ],
)  # fmt: skip
def test_waits_between_tries_add_up(retry, seconds):
    """Exponential, capped, one fewer than tries."""
    assert waits_of(retry) == seconds


@pytest.mark.parametrize(
    ("cpus", "limits"), [(0.08, (128, 512)), (0.5, (128, 1024)), (1, (128, 4096)), (8, (4096, 32768))]
)
def test_memory_that_cloud_run_gives(cpus, limits):
    """By the number of CPUs, as Cloud Run documents it."""
    assert memory_limits(cpus) == limits
