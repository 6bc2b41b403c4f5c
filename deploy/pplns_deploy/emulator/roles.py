"""Which permissions a role has: the roles that pplns and its users give, as patterns of permissions.

Source: https://cloud.google.com/iam/docs/roles-permissions"""

from fnmatch import fnmatchcase

from pplns_deploy.emulator.refusals import invalid

_OBJECT_USER = (
    "storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list",
    "storage.objects.update", "storage.objects.restore", "storage.objects.move", "storage.folders.*",
    "storage.managedFolders.create", "storage.managedFolders.delete", "storage.managedFolders.get",
    "storage.managedFolders.list", "storage.multipartUploads.*", "resourcemanager.projects.get",
)  # fmt: skip
_READ = ("*.get", "*.list", "*.getIamPolicy", "resourcemanager.projects.get")
ROLES: dict[str, tuple[str, ...]] = {
    "roles/owner": ("*",),
    "roles/editor": ("*",),  # less setIamPolicy, below
    "roles/viewer": _READ,
    "roles/iam.securityReviewer": ("*.list", "*.getIamPolicy"),
    "roles/storage.admin": ("storage.*",),
    "roles/storage.objectAdmin": (*_OBJECT_USER, "storage.objects.*"),
    "roles/storage.objectUser": _OBJECT_USER,
    "roles/storage.objectCreator": ("storage.objects.create", "storage.multipartUploads.*"),
    "roles/storage.objectViewer": ("storage.objects.get", "storage.objects.list", "storage.managedFolders.get"),
    "roles/storage.legacyBucketReader": ("storage.buckets.get", "storage.objects.list"),
    "roles/storage.bucketViewer": ("storage.buckets.get", "storage.buckets.list"),
    "roles/run.admin": ("run.*",),
    "roles/run.developer": ("run.services.*", "run.revisions.*", "run.operations.*", "run.locations.list"),
    "roles/run.invoker": ("run.routes.invoke", "run.jobs.run"),
    "roles/run.viewer": ("run.*.get", "run.*.list", "run.*.getIamPolicy"),
    "roles/pubsub.admin": ("pubsub.*",),
    "roles/pubsub.editor": ("pubsub.*",),
    "roles/pubsub.publisher": ("pubsub.topics.publish",),
    "roles/pubsub.subscriber": (
        "pubsub.snapshots.seek", "pubsub.subscriptions.consume", "pubsub.topics.attachSubscription",
    ),
    "roles/pubsub.viewer": ("pubsub.*.get", "pubsub.*.list"),
    "roles/cloudscheduler.admin": ("cloudscheduler.*",),
    "roles/cloudscheduler.viewer": ("cloudscheduler.*.get", "cloudscheduler.*.list"),
    "roles/cloudscheduler.jobRunner": ("cloudscheduler.jobs.get", "cloudscheduler.jobs.run"),
    "roles/secretmanager.admin": ("secretmanager.*",),
    "roles/secretmanager.secretAccessor": ("secretmanager.versions.access", "resourcemanager.projects.get"),
    "roles/secretmanager.secretVersionAdder": ("secretmanager.versions.add", "resourcemanager.projects.get"),
    "roles/secretmanager.viewer": ("secretmanager.*.get", "secretmanager.*.list", "secretmanager.*.getIamPolicy"),
    "roles/iam.serviceAccountUser": ("iam.serviceAccounts.actAs", "iam.serviceAccounts.get"),
    "roles/iam.serviceAccountAdmin": (
        "iam.serviceAccounts.create", "iam.serviceAccounts.delete", "iam.serviceAccounts.disable",
        "iam.serviceAccounts.enable", "iam.serviceAccounts.get", "iam.serviceAccounts.getIamPolicy",
        "iam.serviceAccounts.list", "iam.serviceAccounts.setIamPolicy", "iam.serviceAccounts.update",
    ),
    "roles/iam.serviceAccountTokenCreator": (
        "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken", "iam.serviceAccounts.signBlob",
        "iam.serviceAccounts.signJwt",
    ),
    "roles/iam.serviceAccountOpenIdTokenCreator": ("iam.serviceAccounts.getOpenIdToken",),
    "roles/iam.serviceAccountKeyAdmin": ("iam.serviceAccountKeys.*",),
    "roles/iam.workloadIdentityUser": (
        "iam.serviceAccounts.get", "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken",
        "iam.serviceAccounts.list",
    ),
    "roles/artifactregistry.admin": ("artifactregistry.*",),
    "roles/artifactregistry.reader": ("artifactregistry.*.get", "artifactregistry.*.list"),
    "roles/artifactregistry.writer": ("artifactregistry.*.get", "artifactregistry.*.list", "artifactregistry.*.update"),
    "roles/logging.admin": ("logging.*",),
    "roles/logging.configWriter": ("logging.logMetrics.*",),
    "roles/logging.logWriter": ("logging.logEntries.create",),
    "roles/logging.viewer": ("logging.logEntries.list", "logging.logMetrics.get", "logging.logMetrics.list"),
    "roles/monitoring.admin": ("monitoring.*",),
    "roles/monitoring.editor": ("monitoring.*",),
    "roles/monitoring.viewer": ("monitoring.*.get", "monitoring.*.list"),
    "roles/serviceusage.serviceUsageAdmin": ("serviceusage.*",),
    "roles/resourcemanager.projectIamAdmin": (
        "resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.setIamPolicy",
    ),
}  # fmt: skip


def grants(role: str, permission: str) -> bool:
    """Tell whether a role has a permission; a role that isn't known here has none."""
    if role == "roles/editor" and permission.endswith(".setIamPolicy"):
        return False
    return any(fnmatchcase(permission, pattern) for pattern in ROLES.get(role, ()))


def required_permission(method: str) -> str:
    """Return the permission that a method takes, named as Google names them: API, collection, verb."""
    if method in _PERMISSIONS:
        return _PERMISSIONS[method]
    api, *collections, verb = method.split(".")
    collection = collections[-1] if collections else api
    return f"{api.replace('cloudresourcemanager', 'resourcemanager')}.{collection}.{_VERBS.get(verb, verb)}"


_VERBS = {"patch": "update", "insert": "create", "pause": "pause", "resume": "enable", "testIamPermissions": "get"}
_PERMISSIONS = {
    "pubsub.projects.subscriptions.pull": "pubsub.subscriptions.consume",
    "pubsub.projects.subscriptions.acknowledge": "pubsub.subscriptions.consume",
    "pubsub.projects.subscriptions.modifyPushConfig": "pubsub.subscriptions.update",
    "secretmanager.projects.secrets.addVersion": "secretmanager.versions.add",
    "storage.buckets.getIamPolicy": "storage.buckets.getIamPolicy",
    "storage.buckets.setIamPolicy": "storage.buckets.setIamPolicy",
    "storage.objects.compose": "storage.objects.create",
    "storage.objects.rewrite": "storage.objects.create",
    "storage.objects.copy": "storage.objects.create",
    "logging.entries.write": "logging.logEntries.create",
    "logging.entries.list": "logging.logEntries.list",
    "logging.projects.metrics.create": "logging.logMetrics.create",
    "logging.projects.metrics.get": "logging.logMetrics.get",
    "logging.projects.metrics.list": "logging.logMetrics.list",
    "logging.projects.metrics.update": "logging.logMetrics.update",
    "logging.projects.metrics.delete": "logging.logMetrics.delete",
    "iamcredentials.projects.serviceAccounts.generateAccessToken": "iam.serviceAccounts.getAccessToken",
    "iamcredentials.projects.serviceAccounts.generateIdToken": "iam.serviceAccounts.getOpenIdToken",
    "iamcredentials.projects.serviceAccounts.signBlob": "iam.serviceAccounts.signBlob",
    "iamcredentials.projects.serviceAccounts.signJwt": "iam.serviceAccounts.signJwt",
    "iam.projects.serviceAccounts.keys.create": "iam.serviceAccountKeys.create",
    "iam.projects.serviceAccounts.keys.get": "iam.serviceAccountKeys.get",
    "iam.projects.serviceAccounts.keys.list": "iam.serviceAccountKeys.list",
    "iam.projects.serviceAccounts.keys.delete": "iam.serviceAccountKeys.delete",
    "cloudbilling.projects.getBillingInfo": "resourcemanager.projects.get",
    "serviceusage.services.batchEnable": "serviceusage.services.enable",
    "serviceusage.services.batchGet": "serviceusage.services.get",
}


def check_role(role: str) -> None:
    """Refuse what can be no role's name."""
    parts = role.split("/")
    if not (role.startswith("roles/") and len(parts) == 2) and not (len(parts) == 4 and parts[2] == "roles"):
        raise invalid(f"Role {role!r} is not supported for this resource.")
