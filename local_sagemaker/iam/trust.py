"""Finds a role that lets SageMaker assume it, for a job of this account."""

import json
from typing import Any

from botocore.exceptions import ClientError

from local_sagemaker.iam.needs import PASSED_TO
from local_sagemaker.settings import Settings


def find_trusting_role(arn: str, iam: Any, settings: Settings) -> dict[str, Any] | None:
    """IAM's description of the role, None where it does not exist or its trust policy does not name SageMaker.

    Conditions on aws:SourceAccount and aws:SourceArn count as they do for a training job.
    """
    try:
        role: dict[str, Any] = iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
    except ClientError:
        return None
    return role if role["Arn"] == arn and _trusts_sagemaker(role["AssumeRolePolicyDocument"], settings) else None


def _trusts_sagemaker(document: str | dict[str, Any], settings: Settings) -> bool:
    # Imported here, because MiniStack reads the environment when it is imported.
    from ministack.core import iam_evaluator

    context = iam_evaluator.EvalContext(
        principal_arn="",
        principal_type="Service",
        principal_account=settings.account,
        action="sts:AssumeRole",
        resource_arn="*",
        region=settings.region,
        service_context={
            "aws:sourceaccount": settings.account,
            "aws:sourcearn": f"arn:aws:sagemaker:{settings.region}:{settings.account}:training-job/any",
        },
    )
    policy = document if isinstance(document, str) else json.dumps(document)
    answer = iam_evaluator.evaluate_resource_policy(policy, context, service=PASSED_TO)
    return bool(answer.decision == "Allow")
