"""What every operation and every worker of the service shares: its settings, its store, its clock, its AWS clients."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from local_sagemaker.settings import Settings
from local_sagemaker.store import Store


@dataclass
class Service:
    """Handed to operations, controller and runner; `wake` tells the engine that there is something to do."""

    settings: Settings
    store: Store
    wake: Callable[[], None] = lambda: None
    now: Callable[[], float] = time.time
    _session: boto3.Session = field(default_factory=boto3.Session)

    @cached_property
    def s3(self) -> Any:
        """S3 as users reach it: this service's own endpoint."""
        return self._client("s3")

    @cached_property
    def iam(self) -> Any:
        """IAM behind this service's own endpoint."""
        return self._client("iam")

    @cached_property
    def logs(self) -> Any:
        """CloudWatch Logs behind this service's own endpoint."""
        return self._client("logs")

    def arn(self, kind: str, name: str) -> str:
        """A SageMaker ARN; its name is lower-cased even where the job's is not, as on AWS."""
        return f"arn:aws:sagemaker:{self.settings.region}:{self.settings.account}:{kind}/{name.lower()}"

    def _client(self, name: str) -> Any:
        return self._session.client(
            name,
            endpoint_url=self.settings.endpoint_url,
            region_name=self.settings.region,
            aws_access_key_id=self.settings.credentials.access_key,
            aws_secret_access_key=self.settings.credentials.secret_key,
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=64, proxies={}),
        )
