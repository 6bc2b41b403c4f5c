"""`[tool.pplns.env.NAME]`: what it says, what it leaves out, and what it refuses by file and key."""

import re
from pathlib import Path

import pytest

from pplns import Resources
from pplns.errors import ConfigError
from pplns.settings import load_settings
from pplns_deploy.environments import (
    BigQueryAccess,
    BucketAccess,
    ContainerLimits,
    SecretVersion,
    Vpc,
    choose_environment,
    read_environments,
)
from pplns_deploy.environments.reading import SET_BY_PPLNS

TERRAFORM = Path(__file__).parents[2] / "terraform"
HEAD = '[tool.pplns]\n[tool.pplns.env.prod]\nproject = "acme-data"\nregion = "europe-west1"\n'
SALES = f"{HEAD}[tool.pplns.env.prod.pipelines.sales]\n"
DEFAULTS = f"{HEAD}[tool.pplns.env.prod.defaults]\n"
WHOLE = (
    HEAD
    + """
scheduler_region = "europe-west3"
labels = {team = "data"}
notification_channels = ["projects/acme-data/notificationChannels/42"]
invokers = ["group:data@acme.com"]
ingress = "internal"
store = "gs://acme-runs/pplns"
params = {region = "us", since = 2013-01-01}

[tool.pplns.env.prod.defaults]
env = {LOG_LEVEL = "info", SIZE = 5}
resources = {memory = "1Gi"}
roles = ["roles/datastore.user"]

[tool.pplns.env.prod.pipelines.sales]
bigquery = {jobs = true, read = ["raw", "acme-lake.raw"], write = ["mart"]}
buckets = {read = ["landing/sales"]}
env = {LOG_LEVEL = "debug"}
secrets = {PASSWORD = "warehouse@3", TOKEN = "projects/acme-keys/secrets/token@latest"}
vpc = {network = "default", subnet = "data", egress = "all-traffic"}
cloudsql = ["acme-data:europe-west1:orders"]
resources = {cpu = 2, min_instances = 1, max_instances = 3}
timeout = "30m"
paused = true
params = {region = "eu"}

[tool.pplns.env.prod.pipelines.returns]
service_account = "loader@acme-data.iam.gserviceaccount.com"
"""
)


def environments_in(folder: Path, text: str):
    """Read the environments of a project with this pyproject.toml."""
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return read_environments(folder)


def test_an_environment_says_all_that_it_can(tmp_path: Path):
    """Each key arrives, times as text, and a table of a pipeline lies over the defaults."""
    prod = environments_in(tmp_path, WHOLE)["prod"]
    sales = prod.config_of("sales")

    assert (prod.project, prod.region, prod.scheduler_region) == ("acme-data", "europe-west1", "europe-west3")
    assert (prod.labels, prod.ingress, prod.store) == ({"team": "data"}, "internal", "gs://acme-runs/pplns")
    assert sales.bigquery == BigQueryAccess(jobs=True, read=("raw", "acme-lake.raw"), write=("mart",))
    assert sales.buckets == BucketAccess(read=("landing/sales",))
    assert sales.secrets["TOKEN"] == SecretVersion("token", "latest", project="acme-keys")
    assert sales.vpc == Vpc("default", "data", "all-traffic")
    assert (sales.timeout, sales.paused) == (1800.0, True)


def test_tables_are_merged_and_all_else_is_replaced(tmp_path: Path):
    """`env`, `params` and `resources` by their keys; roles as they are; a number is text for a container."""
    sales = environments_in(tmp_path, WHOLE)["prod"].config_of("sales")

    assert sales.env == {"LOG_LEVEL": "debug", "SIZE": "5"}
    assert sales.params == {"region": "eu", "since": "2013-01-01"}
    assert sales.resources == ContainerLimits(cpu=2, memory="1Gi", min_instances=1, max_instances=3)
    assert sales.roles == ("roles/datastore.user",)


def test_an_existing_account_takes_the_place_of_grants(tmp_path: Path):
    """The roles that the defaults grant are for accounts of pplns."""
    returns = environments_in(tmp_path, WHOLE)["prod"].config_of("returns")

    assert returns.service_account == "loader@acme-data.iam.gserviceaccount.com"
    assert returns.roles == ()


def test_a_pipeline_without_a_table_gets_the_defaults(tmp_path: Path):
    """And an environment of two lines has defaults for everything."""
    assert environments_in(tmp_path, WHOLE)["prod"].config_of("other").params["region"] == "us"

    bare = environments_in(tmp_path, HEAD)["prod"]

    assert (bare.scheduler_region, bare.ingress, bare.store) == ("europe-west1", "all", None)
    assert bare.config_of("any").timeout == 3600


def test_what_an_environment_leaves_out_is_the_codes(tmp_path: Path):
    """`Resources` of the code hold where the environment doesn't say otherwise."""
    limits = environments_in(tmp_path, WHOLE)["prod"].config_of("sales").resources

    assert limits.applied_to(Resources(cpu=1, memory="512Mi", cpu_always=True)) == Resources(
        cpu=2, memory="1Gi", cpu_always=True
    )


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('[tool.pplns.env.prod]\nproject = "acme-data"', "[tool.pplns.env.prod]", 'region = "europe-west1"'),
        (HEAD + 'regoin = "x"', "regoin in [tool.pplns.env.prod]", "Did you mean 'region'?"),
        (HEAD + 'ingress = "internl"', "ingress in [tool.pplns.env.prod]", "Did you mean 'internal'?"),
        (HEAD + 'labels = {Team = "x"}', "Team in [tool.pplns.env.prod.labels]", "Correct it"),
        (HEAD + 'invokers = "allUsers"', "invokers in [tool.pplns.env.prod]", "brackets"),
        (HEAD + 'invokers = ["data@acme.com"]', "invokers[0] in [tool.pplns.env.prod]", "Correct it"),
        (HEAD + 'invokers = ["user:a@b.c,user:d@e.f"]', "invokers[0] in [tool.pplns.env.prod]", "Correct it"),
        (SALES + "vpc = {egress = 'all-traffic'}", "vpc in [tool.pplns.env.prod.pipelines.sales]", "network"),
        (SALES + "bigquery = {read = ['mät']}", "read[0] in [tool.pplns.env.prod.pipelines.sales.bigquery]", ""),
        (SALES + "timeout = '2h'", "timeout in [tool.pplns.env.prod.pipelines.sales]", ""),
        (SALES + "resources = {cpu = 3}", "cpu in [tool.pplns.env.prod.pipelines.sales.resources]", ""),
        (SALES + "secrets = {A = 'name'}", "A in [tool.pplns.env.prod.pipelines.sales.secrets]", 'Write A = "name@1".'),
        (SALES + "env = {PORT = '1'}", "PORT in [tool.pplns.env.prod.pipelines.sales.env]", "Remove it."),
        (DEFAULTS + "secrets = {A = 'n@1'}\nenv = {A = '1'}", "A in [tool.pplns.env.prod.defaults.env]", "Remove one"),
        (DEFAULTS + "resources = {min_instances = 3, max_instances = 2}", "min_instances in", ""),
        (
            DEFAULTS + "roles = ['roles/x']\nservice_account = 'a@b.iam.gserviceaccount.com'",
            "service_account in [tool.pplns.env.prod.defaults]", "Leave service_account out",
        ),
        (HEAD.replace("prod", "my-prod"), "named 'my-prod'", "Rename it"),
        (HEAD.replace("acme-data", "Acme"), "project in [tool.pplns.env.prod]", ""),
        ("[tool.pplns]\nenv = 5", "env in [tool.pplns]", "env = { … }"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_file_and_key(tmp_path: Path, text: str, key: str, remedy: str):
    """The message names where it stands, the remedy what to do."""
    with pytest.raises(ConfigError) as refused:
        environments_in(tmp_path, text)

    assert key in refused.value.met
    assert "pyproject.toml" in refused.value.met
    assert remedy in refused.value.remedy
    assert refused.value.expected


@pytest.mark.parametrize(
    ("defaults", "own", "kind"),
    [("env = {TOKEN = 'x', A = 'a'}", "secrets = {TOKEN = 'token@3'}", "secrets"),
     ("secrets = {TOKEN = 'token@3', A = 'a@1'}", "env = {TOKEN = 'x'}", "env")],
)  # fmt: skip
def test_a_pipeline_takes_a_variable_from_elsewhere(tmp_path: Path, defaults: str, own: str, kind: str):
    """A secret instead of the text that the others get, or a text instead of a secret."""
    [prod] = environments_in(tmp_path, f"{DEFAULTS}{defaults}\n[tool.pplns.env.prod.pipelines.sales]\n{own}").values()

    config = prod.config_of("sales")

    assert [*getattr(config, kind)] == ["TOKEN"]
    assert {*config.env, *config.secrets} == {"TOKEN", "A"}


@pytest.mark.parametrize("table", ["env = {{{} = 'x'}}", "secrets = {{{} = 'name@1'}}"])
@pytest.mark.parametrize("name", [*SET_BY_PPLNS, "PORT", "K_SERVICE", "CLOUD_RUN_TIMEOUT_SECONDS", "X_GOOGLE_A"])
def test_a_variable_that_pplns_or_cloud_run_sets_is_refused(tmp_path: Path, table: str, name: str):
    """The message lists them; one that has a key of its own says which."""
    with pytest.raises(ConfigError) as refused:
        environments_in(tmp_path, DEFAULTS + table.format(name))

    assert f"{name} in [tool.pplns.env.prod.defaults" in refused.value.met
    assert ", ".join(SET_BY_PPLNS) in refused.value.expected
    assert ("params = {" in refused.value.remedy) is (name == "PPLNS_PARAMS")


def test_a_variable_that_only_looks_reserved_is_taken(tmp_path: Path):
    """What pplns reads and leaves to the user, and names that merely begin alike."""
    text = "env = {PPLNS_LOG_FORMAT = 'json', PPLNS_LEASE_SECONDS = 60, K_FOLDS = 5, PORTAL = 'a', GOOGLE_API = 'b'}"

    assert len(environments_in(tmp_path, DEFAULTS + text)["prod"].config_of("any").env) == 5


def test_every_variable_that_terraform_sets_is_kept_from_users():
    """A container's variables, as terraform/ writes them: one of the user's would be overwritten without a word."""
    files = [TERRAFORM / "main.tf", TERRAFORM / "modules" / "pipeline_service" / "main.tf"]
    found = {name for file in files for name in re.findall(r"\b([A-Z][A-Z_]{4,}) += ", file.read_text("utf-8"))}

    assert found - {"CLOUD_RUN_TIMEOUT_SECONDS"} == {*SET_BY_PPLNS} - {"PPLNS_PARAMS", "PPLNS_CERTIFICATES_URL"}


def test_the_settings_leave_environments_to_the_deploy_tool(tmp_path: Path):
    """`run` and `serve` work in a project whose environments are wrong; a mistyped key still is one."""
    (tmp_path / "pyproject.toml").write_text("[tool.pplns.env.prod]\nproject = 5\n[tool.pplns.lock]\npython = 3\n")
    assert load_settings(tmp_path, environ={}).root == tmp_path

    (tmp_path / "pyproject.toml").write_text("[tool.pplns.envs.prod]\n")
    with pytest.raises(ConfigError, match="Did you mean 'env'"):
        load_settings(tmp_path, environ={})


@pytest.mark.parametrize(
    ("names", "asked", "remedy"),
    [
        ((), None, "Add [tool.pplns.env.prod]"),
        (("dev", "prod"), None, "--env dev"),
        (("dev", "prod"), "prd", "Did you mean 'prod'?"),
        (("dev",), "staging", "Add [tool.pplns.env.staging]"),
    ],
)
def test_an_environment_that_isnt_clear_is_refused(tmp_path: Path, names, asked, remedy: str):
    """None, several, or one of another name; the known ones are named."""
    text = "[tool.pplns]\n" + "".join(HEAD.partition("\n")[2].replace("prod", name) for name in names)
    known = environments_in(tmp_path, text)

    with pytest.raises(ConfigError) as refused:
        choose_environment(known, asked)

    assert remedy in refused.value.remedy
    assert all(repr(name) in refused.value.message for name in names)


def test_the_only_environment_needs_no_name(tmp_path: Path):
    """And a name finds its own."""
    known = environments_in(tmp_path, HEAD + HEAD.partition("\n")[2].replace("prod", "dev"))

    assert choose_environment({"prod": known["prod"]}, None).name == "prod"
    assert choose_environment(known, "dev").name == "dev"
