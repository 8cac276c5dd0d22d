"""The artifact store of the cluster, seen from outside of it."""

from __future__ import annotations

import json

from pyarrow import fs

from tests.e2e.harness.cluster import run
from tests.e2e.harness.installation import NAMESPACE, STORE_SERVICE, store_keys

BUCKET = "artifacts"


class Store:
    """Lists what workflows of the namespace under test left in the bucket."""

    def __init__(self) -> None:
        namespace, service = STORE_SERVICE
        found = run("kubectl", "-n", namespace, "get", "endpointslices", "-o", "json", "-l",
                    f"kubernetes.io/service-name={service}")  # fmt: skip
        first = json.loads(found)["items"][0]
        keys = store_keys()
        self._files = fs.S3FileSystem(
            access_key=keys["accesskey"],
            secret_key=keys["secretkey"],
            endpoint_override=f"{first['endpoints'][0]['addresses'][0]}:{first['ports'][0]['port']}",
            scheme="http",
            region="us-east-1",
        )

    def artifacts(self, workflow: str = "") -> list[str]:
        """The keys of a workflow's artifacts, or of all."""
        folder = fs.FileSelector(
            f"{BUCKET}/{NAMESPACE}/{workflow}".rstrip("/"), recursive=True, allow_not_found=True
        )
        return [found.path for found in self._files.get_file_info(folder) if found.type == fs.FileType.File]
