"""The AWS clients of the pages: those of the deployment's Airflow connection."""

import os
from dataclasses import dataclass
from typing import Any

from botocore.config import Config

from include import settings


@dataclass(frozen=True)
class Clients:
    """boto3 clients of one connection."""

    sagemaker: Any
    s3: Any
    logs: Any

    @classmethod
    def of_deployment(cls) -> "Clients":
        """Those of the connection that TUNING_AWS_CONN_ID names."""
        connection = settings.read(os.environ).connection
        return cls(*(_client(connection, service) for service in ("sagemaker", "s3", "logs")))


def _client(connection: str, service: str) -> Any:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    hook = AwsBaseHook(aws_conn_id=connection, client_type=service)
    if service != "s3":
        return hook.get_client_type()
    # Links that are signed beforehand: botocore would otherwise sign those for another endpoint in the old way.
    return hook.get_client_type(config=Config(signature_version="s3v4").merge(hook.config))
