"""Who a training job's work on S3 and Logs is done as, and what is said where that one may not."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

_PERMISSIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
}
"""Where the permission is not called as the operation is."""


@dataclass(frozen=True)
class Actor:
    """The owner of the service or, where IAM is checked, the job's execution role."""

    name: str
    s3: Any
    logs: Any
    session: boto3.Session
    checked: bool = False
    """Whether its policies decide."""

    @property
    def access_key(self) -> str:
        """The id of its present key."""
        return str(self.session.get_credentials().get_frozen_credentials().access_key)

    def variables(self) -> dict[str, str]:
        """The environment variables with its keys, as AWS's clients read them."""
        keys = self.session.get_credentials().get_frozen_credentials()
        token = {"AWS_SESSION_TOKEN": keys.token} if keys.token else {}
        return {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key, **token}

    def explain(self, error: ClientError, where: str) -> str:
        """The error's text; of a refusal, which S3 words in many ways, who lacks what and where."""
        refused = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 403
        if not refused and not error.response["Error"]["Code"].startswith("AccessDenied"):
            return str(error)
        service = "logs" if where.startswith("log group") else "s3"
        operation = error.operation_name
        return f"AccessDenied: {self.name} needs {_PERMISSIONS.get(operation, f'{service}:{operation}')} on {where}"
