"""What a task body knows of its DAG run, and the AWS clients that its connection gives it."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from airflow.sdk import ObjectStoragePath, get_current_context

from include import settings as project_settings
from include.errors import RoleError
from include.settings import Settings
from include.tuning import naming
from sagemaker_tuning.clients import patient_config

ROLE_EXTRA = "sagemaker_execution_role"
Staged = dict[str, Any]
"""What a task hands to the next one: plain JSON, a URI at most, never the data itself."""


@dataclass(frozen=True)
class Run:
    """One DAG run: who it is, its Params, the deployment's settings, and AWS as its connection shows it."""

    dag_id: str
    run_id: str
    began: datetime
    """When the run was asked for or due; clearing it changes nothing."""
    params: Mapping[str, Any]
    settings: Settings
    known: Collection[str] | None = None
    """The names of the DAG's Params; `params` has every name besides that whoever triggered the run made up."""

    @classmethod
    def current(cls) -> "Run":
        """The run of the task that is executing."""
        context = get_current_context()
        dag_run = context["dag_run"]
        return cls(
            dag_run.dag_id,
            dag_run.run_id,
            dag_run.run_after,
            context["params"],
            project_settings.read(os.environ),
            tuple(context["dag"].params),
        )

    @property
    def job_name(self) -> str:
        """The name of this run's tuning job, the same at every try."""
        return naming.tuning_job_name(self.dag_id, self.run_id)

    def staging(self, *names: str) -> ObjectStoragePath:
        """A place for this run's files; a run never sees another one's."""
        folder = naming.run_key(self.dag_id, self.run_id)
        return ObjectStoragePath("/".join([self.settings.staging_url, self.dag_id, folder, *names]))

    def client(self, service: str) -> Any:
        """A boto3 client of the Airflow connection, its endpoint and region included."""
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

        hook = AwsBaseHook(aws_conn_id=self.settings.connection, client_type=service)
        return hook.get_client_type(config=patient_config(hook))

    @cached_property
    def region(self) -> str:
        """The region of the connection."""
        return str(self.client("sagemaker").meta.region_name)

    @property
    def account(self) -> str:
        """The account number that the connection's keys belong to."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def execution_role(self) -> str:
        """The ARN of the role that training jobs run under: the Param, else the connection's extra.

        A name is looked up in IAM. Raises RoleError where neither names a role, or IAM does not know it.
        """
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
        from botocore.exceptions import ClientError

        connection = self.settings.connection
        hook = AwsBaseHook(aws_conn_id=connection, client_type="iam")
        role = self.params["role"] or hook.conn_config.extra_config.get(ROLE_EXTRA, "")
        if not role:
            raise RoleError(
                "no execution role: give the Param role a name or an ARN, or put one "
                f'into the extra of the connection {connection!r}, as "{ROLE_EXTRA}"'
            )
        try:
            return str(hook.expand_role(role))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            raise RoleError(f"IAM knows no role {role!r}; give another name, or the role's whole ARN") from error
