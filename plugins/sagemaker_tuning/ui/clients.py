"""The AWS clients of the pages: those of the deployment's Airflow connection."""

import os
from dataclasses import dataclass
from typing import Any

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
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

        connection = settings.read(os.environ).connection
        return cls(
            *(
                AwsBaseHook(aws_conn_id=connection, client_type=service).get_client_type()
                for service in ("sagemaker", "s3", "logs")
            )
        )
