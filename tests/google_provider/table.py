"""The types of resources that the tests make, each as Google has it; grants are in `grants`, the rest in `singular`."""

from google_provider import shapes
from google_provider.kinds import (
    Kind,
    places,
    same_dashboard,
    same_last_word,
    same_limits,
    same_seconds,
    same_text,
)

OURS = places("id project deletion_policy")
LABELLED = OURS | places("labels terraform_labels annotations effective_annotations")
EFFECTIVE = {"effective_labels": "labels"}
PROBES = ("template.containers.startup_probe", "template.containers.liveness_probe")
PROBE = {"failure_threshold": 3, "initial_delay_seconds": 0, "period_seconds": 10, "timeout_seconds": 1}

TOPIC = Kind(
    api="pubsub",
    path="projects/{project}/topics/{name}",
    update="wrapped",
    wrapped="topic",
    name="path",
    fixed=places("project name"),
    kept=places("message_storage_policy"),
    ours=LABELLED | {"name"},
    renamed=EFFECTIVE,
    to_google=shapes.labelled,
)
SUBSCRIPTION = Kind(
    api="pubsub",
    path="projects/{project}/subscriptions/{name}",
    update="wrapped",
    wrapped="subscription",
    name="path",
    fixed=places("project name topic filter enable_message_ordering"),
    defaults={"message_retention_duration": "604800s"},
    kept=places("expiration_policy"),
    ours=LABELLED | {"name"},
    hollow=places("expiration_policy"),
    renamed=EFFECTIVE,
    alike={
        "topic": same_last_word,
        "retry_policy.minimum_backoff": same_seconds,
        "retry_policy.maximum_backoff": same_seconds,
    },
    to_google=shapes.labelled,
)
SERVICE = Kind(
    api="cloud_run_v2",
    path="projects/{project}/locations/{location}/services/{name}",
    parent="projects/{project}/locations/{location}/services?serviceId={name}",
    update="whole",
    fixed=places("project location name"),
    defaults={
        "deletion_protection": True,
        **{f"{probe}.{name}": value for probe in PROBES for name, value in PROBE.items()},
        **{f"{probe}.http_get.path": "/" for probe in PROBES},
        "template.volumes.empty_dir.medium": "MEMORY",
    },
    kept=places(
        "scaling traffic template.scaling template.containers.ports template.containers.resources"
        " template.containers.startup_probe"
    ),
    ours=LABELLED | places("name location deletion_protection"),
    unset=places("scaling"),
    listed=places("template.containers.ports"),
    renamed=EFFECTIVE,
    alike={"template.containers.resources.limits": same_limits},
    is_half_made=True,
    to_google=shapes.labelled,
)
JOB = Kind(
    api="cloud_scheduler",
    path="projects/{project}/locations/{region}/jobs/{name}",
    parent="projects/{project}/locations/{region}/jobs",
    update="whole",
    name="path",
    fixed=places("project region name"),
    defaults={"attempt_deadline": "180s", "time_zone": "Etc/UTC"},
    ours=OURS | places("region name"),
    to_google=shapes.job,
    from_google=shapes.row_of_job,
)
REPOSITORY = Kind(
    api="artifact_registry",
    path="projects/{project}/locations/{location}/repositories/{repository_id}",
    parent="projects/{project}/locations/{location}/repositories?repository_id={repository_id}",
    fixed=places("project location repository_id format mode kms_key_name"),
    defaults={"mode": "STANDARD_REPOSITORY", "cleanup_policies.condition.tag_state": "ANY"},
    kept=places("vulnerability_scanning_config"),
    ours=LABELLED | places("location repository_id"),
    renamed=EFFECTIVE,
    alike={
        "format": same_text,
        "cleanup_policies.condition.older_than": same_seconds,
        "cleanup_policies.condition.newer_than": same_seconds,
    },
    to_google=shapes.repository,
    from_google=shapes.row_of_repository,
)
METRIC = Kind(
    api="logging",
    path="projects/{project}/metrics/{name}",
    parent="projects/{project}/metrics",
    update="put",
    id="{+name}",
    fixed=places("project metric_descriptor.labels.key metric_descriptor.labels.value_type"),
    defaults={"metric_descriptor.unit": "1", "metric_descriptor.labels.value_type": "STRING"},
    kept=places("metric_descriptor"),
    ours=OURS,
)
ALERT = Kind(
    api="monitoring",
    path="v3/{+name}",
    parent="v3/projects/{project}/alertPolicies",
    id="{+name}",
    fixed=places("project"),
    defaults={"enabled": True, "documentation.mime_type": "text/markdown"},
    ours=OURS,
    zeros=places("enabled"),
    told=places("conditions.name"),
)
DASHBOARD = Kind(
    api="monitoring",
    path="v1/{+id}",
    parent="v1/projects/{project}/dashboards",
    update="whole",
    id="{+name}",
    fixed=places("project"),
    ours=OURS,
    alike={"dashboard_json": same_dashboard},
    to_google=shapes.dashboard,
    from_google=shapes.row_of_dashboard,
)
CHANNEL = Kind(
    api="monitoring",
    path="v3/{+name}",
    parent="v3/projects/{project}/notificationChannels",
    id="{+name}",
    fixed=places("project"),
    defaults={"enabled": True, "force_delete": False},
    ours=OURS | places("force_delete sensitive_labels"),
    zeros=places("enabled"),
)
ACCOUNT = Kind(
    api="iam",
    path="projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com",
    parent="projects/{project}/serviceAccounts",
    update="wrapped",
    wrapped="serviceAccount",
    fixed=places("project account_id"),
    defaults={"disabled": False},
    ours=OURS | places("account_id create_ignore_already_exists disabled"),
    to_google=shapes.account,
    from_google=shapes.row_of_account,
)
BUCKET = Kind(
    api="storage",
    path="b/{name}",
    parent="b?project={project}",
    update="whole",
    id="{+name}",
    fixed=places("project name location enable_object_retention hierarchical_namespace.enabled"),
    defaults={
        "force_destroy": False,
        "storage_class": "STANDARD",
        "soft_delete_policy.retention_duration_seconds": 604800,
        "retention_policy.is_locked": False,
    },
    kept=places("soft_delete_policy versioning website hierarchical_namespace"),
    ours=LABELLED | places("force_destroy"),
    zeros=places("soft_delete_policy.retention_duration_seconds versioning.enabled"),
    renamed=EFFECTIVE,
    alike={"location": same_text},
    to_google=shapes.bucket,
    from_google=shapes.row_of_bucket,
)
SECRET = Kind(
    api="secret_manager",
    path="projects/{project}/secrets/{secret_id}",
    parent="projects/{project}/secrets?secretId={secret_id}",
    fixed=places("project secret_id"),
    defaults={"deletion_protection": False},
    ours=LABELLED | places("secret_id deletion_protection"),
    hollow=places("replication.auto"),
    renamed={**EFFECTIVE, "replication.auto": "automatic"},
    to_google=shapes.labelled,
    from_google=shapes.row_of_secret,
)
DATASET = Kind(
    api="big_query",
    path="projects/{project}/datasets/{dataset_id}",
    parent="projects/{project}/datasets",
    update="put",
    fixed=places("project dataset_id location"),
    defaults={"location": "US", "delete_contents_on_destroy": False},
    kept=places("access"),
    ours=LABELLED | places("dataset_id delete_contents_on_destroy"),
    renamed=EFFECTIVE,
    alike={"location": same_text},
    to_google=shapes.dataset,
    from_google=shapes.row_of_dataset,
)

KINDS: dict[str, Kind] = {
    "google_artifact_registry_repository": REPOSITORY,
    "google_bigquery_dataset": DATASET,
    "google_cloud_run_v2_service": SERVICE,
    "google_cloud_scheduler_job": JOB,
    "google_logging_metric": METRIC,
    "google_monitoring_alert_policy": ALERT,
    "google_monitoring_dashboard": DASHBOARD,
    "google_monitoring_notification_channel": CHANNEL,
    "google_pubsub_subscription": SUBSCRIPTION,
    "google_pubsub_topic": TOPIC,
    "google_secret_manager_secret": SECRET,
    "google_service_account": ACCOUNT,
    "google_storage_bucket": BUCKET,
}

# Of grants and of what is in `singular` only what plans are made by.
GRANT = Kind(
    api="",
    path="",
    fixed=places(
        "project location dataset_id name repository bucket topic subscription secret_id service_account_id role"
        " member condition"
    ),
    alike={"name": same_last_word, "topic": same_last_word, "secret_id": same_last_word},
)
OTHERS: dict[str, Kind] = {
    "google_project_service": Kind(
        api="", path="", fixed=places("project service"), defaults={"disable_on_destroy": True}
    ),
    "google_secret_manager_secret_version": Kind(
        api="",
        path="",
        fixed=places("project secret secret_data secret_data_wo_version is_secret_data_base64"),
        defaults={"enabled": True},
        alike={"secret": same_last_word},
    ),
    "google_storage_bucket_object": Kind(api="", path="", fixed=places("bucket name content_type storage_class")),
}


def kind_of(type_name: str) -> Kind:
    """Return what is known of a type."""
    return KINDS.get(type_name) or OTHERS.get(type_name) or GRANT
