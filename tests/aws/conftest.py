"""A local SageMaker that checks IAM as AWS does, a user with Airflow's policies in it, and an execution role."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from include.aws import policies
from include.aws.policies import Deployment
from tests.conftest import LocalService, running_service

# Before anything imports Airflow, which makes its home at import.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-"))

USER = "airflow"
ROLE = "TuningRole"
BUCKET = "policies-under-test"


@dataclass(frozen=True)
class Account:
    """The service seen by its owner, and by the user that Airflow is."""

    owner: LocalService
    airflow: LocalService
    deployment: Deployment

    @property
    def connection(self) -> str:
        """The Airflow connection of the user, as AIRFLOW_CONN_... takes it."""
        extra = {"endpoint_url": self.airflow.endpoint_url, "region_name": self.airflow.region}
        role = {"sagemaker_execution_role": self.airflow.role_arn}
        return json.dumps(
            {
                "conn_type": "aws",
                "login": self.airflow.access_key,
                "password": self.airflow.secret_key,
                "extra": extra | role,
            }
        )

    def put_user_policy(self, name: str, policy: dict[str, Any]) -> None:
        """Give the user a policy, in place of what it had under that name."""
        document = json.dumps(policy)
        self.owner.client("iam").put_user_policy(UserName=USER, PolicyName=name, PolicyDocument=document)

    def put_role_policy(self, name: str, policy: dict[str, Any]) -> None:
        """Give the role a policy, in place of what it had under that name."""
        document = json.dumps(policy)
        self.owner.client("iam").put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=document)

    def set_trust(self, policy: dict[str, Any]) -> None:
        """Change who may assume the role."""
        self.owner.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(policy))

    @contextmanager
    def without(self, name: str, sid: str, action: str = "") -> Iterator[None]:
        """Take a statement, or one action of it, out of the policy of that name, and put it back afterwards."""
        put = self.put_role_policy if name == policies.EXECUTION_ROLE else self.put_user_policy
        whole = policies.read(name, self.deployment)
        put(name, less(whole, sid, action))
        try:
            yield
        finally:
            put(name, whole)


def less(policy: dict[str, Any], sid: str, action: str = "") -> dict[str, Any]:
    """The policy without a statement or, where one is named, without an action of it."""
    kept = [statement for statement in policy["Statement"] if statement["Sid"] != sid]
    (taken,) = (statement for statement in policy["Statement"] if statement["Sid"] == sid)
    rest = [name for name in actions(taken) if name != action]
    if action and rest:
        kept.append(taken | {"Action": rest})
    return policy | {"Statement": kept}


def actions(statement: dict[str, Any]) -> list[str]:
    """The statement's actions, as a list."""
    given = statement["Action"]
    return [given] if isinstance(given, str) else list(given)


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account set up as docs/deploy-to-aws.md says: the bucket, the role, a user with keys, nothing more."""
    with running_service(tmp_path_factory.mktemp("checked"), "--check-iam") as owner:
        iam = owner.client("iam")
        number = owner.client("sts").get_caller_identity()["Account"]
        deployment = Deployment(account=number, region=owner.region, bucket=BUCKET, role=ROLE)
        owner.client("s3").create_bucket(Bucket=BUCKET)
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(policies.read(policies.TRUST, deployment)))
        iam.create_user(UserName=USER)
        key = iam.create_access_key(UserName=USER)["AccessKey"]
        airflow = replace(
            owner, access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"], role_arn=deployment.role_arn
        )
        made = Account(owner, airflow, deployment)
        made.put_user_policy(policies.AIRFLOW, policies.read(policies.AIRFLOW, deployment))
        made.put_role_policy(policies.EXECUTION_ROLE, policies.read(policies.EXECUTION_ROLE, deployment))
        yield made
