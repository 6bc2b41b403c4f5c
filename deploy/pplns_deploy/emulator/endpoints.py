"""Where the stand-in's APIs are, for each client that can be pointed there.

The provider's names: a value ends with the version and a slash, but Monitoring's, which has none. `iam` and
`cloud_resource_manager` do nothing since 7.30; both old and new names are given, lest a call reach Google.
Source: https://registry.terraform.io/providers/hashicorp/google/latest/docs/guides/provider_reference"""

PROVIDER_PATHS = {  # the provider's argument without `_custom_endpoint` → path
    "artifact_registry": "artifactregistry/v1/",
    "big_query": "bigquery/v2/",
    "cloud_billing": "cloudbilling/v1/",
    "cloud_resource_manager": "cloudresourcemanager/v1/",
    "cloud_run_v2": "run/v2/",
    "cloud_scheduler": "cloudscheduler/v1/",
    "iam": "iam/v1/",
    "iam_beta": "iam/v1/",
    "iam_credentials": "iamcredentials/v1/",
    "logging": "logging/v2/",
    "monitoring": "monitoring/",
    "pubsub": "pubsub/v1/",
    "resource_manager": "cloudresourcemanager/v1/",
    "resource_manager_v3": "cloudresourcemanager/v3/",
    "secret_manager": "secretmanager/v1/",
    "service_usage": "serviceusage/v1/",
    "storage": "storage/v1/",
}


def provider_endpoints(base_url: str) -> dict[str, str]:
    """Return the google provider's arguments that point it at a stand-in: `cloud_run_v2_custom_endpoint` → URL."""
    return {f"{name}_custom_endpoint": f"{base_url}/{path}" for name, path in PROVIDER_PATHS.items()}


def provider_environment(base_url: str, *, token: str = "owner") -> dict[str, str]:
    """Return the same as environment variables, with the token of the caller and Terraform's gcs backend."""
    endpoints = {f"GOOGLE_{name.upper()}": url for name, url in provider_endpoints(base_url).items()}
    return endpoints | {
        "GOOGLE_OAUTH_ACCESS_TOKEN": token,
        "GOOGLE_BACKEND_STORAGE_CUSTOM_ENDPOINT": endpoints["GOOGLE_STORAGE_CUSTOM_ENDPOINT"],
    }


def storage_host(base_url: str, token: str) -> str:
    """Return what STORAGE_EMULATOR_HOST has to be for a client that is to be known by a token.

    Clients send no credentials to an emulator, so the token is in the path."""
    return f"{base_url}/_as/{token}"
