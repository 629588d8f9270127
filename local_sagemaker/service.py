"""What every operation and every worker of the service shares: its settings, its store, its clock, its AWS clients."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from local_sagemaker.actor import Actor
from local_sagemaker.iam import execution_role, needs, permissions
from local_sagemaker.settings import Settings
from local_sagemaker.store import Store


@dataclass
class Service:
    """Handed to operations, controller and runner; `wake` tells the engine that there is something to do."""

    settings: Settings
    store: Store
    wake: Callable[[], None] = lambda: None
    now: Callable[[], float] = time.time
    _roles: dict[str, Actor] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def iam(self) -> Any:
        """IAM behind this service's own endpoint."""
        return self._client("iam", self._owner.session)

    def actor(self, role_arn: str) -> Actor:
        """The job's own role where IAM is checked, else the owner. Raises TrainingError: it can't be assumed."""
        if not self.settings.check_iam:
            return self._owner
        with self._guard:
            if role_arn not in self._roles:
                session = execution_role.assume(role_arn, self.iam, self.settings)
                self._roles[role_arn] = self._actor(role_arn, session)
            return self._roles[role_arn]

    def check_role(self, request: dict[str, Any]) -> None:
        """Raise TrainingError where the role of a training job lacks what is not asked of it by S3 or Logs."""
        if self.settings.check_iam:
            actor = self.actor(request["RoleArn"])
            permissions.check_training(actor, needs.of_training(request), self.settings)

    def arn(self, kind: str, name: str) -> str:
        """A SageMaker ARN; its name is lower-cased even where the job's is not, as on AWS."""
        return f"arn:aws:sagemaker:{self.settings.region}:{self.settings.account}:{kind}/{name.lower()}"

    @cached_property
    def _owner(self) -> Actor:
        keys = self.settings.credentials
        session = boto3.Session(aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key)
        return self._actor("the service's owner", session)

    def _actor(self, name: str, session: boto3.Session) -> Actor:
        s3, logs = self._client("s3", session), self._client("logs", session)
        return Actor(name, s3, logs, session, checked=self.settings.check_iam)

    def _client(self, name: str, session: boto3.Session) -> Any:
        """A client of this service's own endpoint, where users reach it too.

        What S3 sends and takes is neither hashed nor checksummed on its way through this one process; the other
        services' bodies are signed, as the door wants them to be.
        """
        config = Config(
            s3={"addressing_style": "path", "payload_signing_enabled": False},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            max_pool_connections=64,
            proxies={},
        )
        return session.client(
            name, endpoint_url=self.settings.endpoint_url, region_name=self.settings.region, config=config
        )
