"""The bill of materials: what an image is made of, as CycloneDX 1.6.

It lists the locked packages, pplns and the base image by its digest; what the base image itself is made of, its own
publisher says. Serial number and time come from the contents, so that the document is reproducible as the image is."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pplns
from pplns_deploy.image.contents.wheels import Package
from pplns_deploy.image.documents import Document, canonical

SBOM_TYPE = "application/vnd.cyclonedx+json"


def sbom_document(name: str, packages: Sequence[Package], *, base: str, base_digest: str, created: str) -> Document:
    """Return the bill of materials of an image."""
    base_component = {"type": "container", "bom-ref": "base", "name": base, "version": base_digest}
    components = [_component(one) for one in (*packages, Package("pplns", pplns.__version__))]
    bill: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": created,
            "tools": {"components": [{"type": "application", "name": "pplns", "version": pplns.__version__}]},
            "component": {"type": "container", "bom-ref": "image", "name": name},
        },
        "components": [base_component, *components],
        "dependencies": [{"ref": "image", "dependsOn": ["base", *(one["bom-ref"] for one in components)]}],
    }
    bill["serialNumber"] = uuid5(NAMESPACE_URL, canonical(bill).decode()).urn
    return Document(SBOM_TYPE, canonical(bill), {"org.opencontainers.image.title": "sbom.cdx.json"})


def _component(package: Package) -> dict[str, str]:
    address = f"pkg:pypi/{re.sub(r'[-_.]+', '-', package.name).lower()}@{package.version}"
    return {"type": "library", "bom-ref": address, "name": package.name, "version": package.version, "purl": address}
