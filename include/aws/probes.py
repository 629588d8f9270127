"""What the keys may, found out by trying: where IAM itself may not be asked, and only what changes nothing."""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from include.aws import policies
from include.aws.findings import Finding, is_denied, no, unknown
from include.aws.identity import MAY_I
from include.aws.policies import Deployment
from include.tuning.trials import LOG_GROUP

_NOBODY = "aws-check"


def may_i(clients: Mapping[str, Any], deployment: Deployment) -> list[Finding]:
    """A line for each action that is refused, and one for what can't be tried."""
    tried = _tries(clients, deployment)
    denied = [action for action, attempt in tried.items() if _is_refused(attempt)]
    untried = [action for action in _all_actions(deployment) if action not in tried]
    why = f"iam:SimulatePrincipalPolicy is not allowed ({policies.AWS_CHECK}.json allows it)"
    seen = f"of what changes nothing, {len(tried) - len(denied)} of {len(tried)} actions are allowed"
    return [
        *(no(MAY_I, f"{action} is refused: give the caller {policies.AIRFLOW}.json") for action in denied),
        unknown(MAY_I, f"{why}; {seen}, and not tried were {', '.join(untried)}"),
    ]


def _tries(clients: Mapping[str, Any], deployment: Deployment) -> dict[str, Callable[[], Any]]:
    """Calls that name what does not exist, by the action that they need."""
    s3, sagemaker, logs = clients["s3"], clients["sagemaker"], clients["logs"]
    job = {"HyperParameterTuningJobName": f"{deployment.jobs}-{_NOBODY}"}
    key = f"{deployment.prefix}/{_NOBODY}".lstrip("/")
    arn = f"arn:{deployment.partition}:sagemaker:{deployment.region}:{deployment.account}:hyper-parameter-tuning-job/"
    return {
        "s3:ListBucket": lambda: s3.list_objects_v2(Bucket=deployment.bucket, MaxKeys=1),
        "s3:GetObject": lambda: s3.get_object(Bucket=deployment.bucket, Key=key),
        "sagemaker:DescribeHyperParameterTuningJob": lambda: sagemaker.describe_hyper_parameter_tuning_job(**job),
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob": lambda: (
            sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(**job)
        ),
        "sagemaker:StopHyperParameterTuningJob": lambda: sagemaker.stop_hyper_parameter_tuning_job(**job),
        "sagemaker:ListHyperParameterTuningJobs": lambda: sagemaker.list_hyper_parameter_tuning_jobs(MaxResults=1),
        "sagemaker:ListTags": lambda: sagemaker.list_tags(ResourceArn=arn + job["HyperParameterTuningJobName"]),
        "sagemaker:DescribeTrainingJob": lambda: sagemaker.describe_training_job(
            TrainingJobName=f"{deployment.jobs}-{_NOBODY}"
        ),
        "logs:DescribeLogStreams": lambda: logs.describe_log_streams(logGroupName=LOG_GROUP, limit=1),
    }


def _is_refused(attempt: Callable[[], Any]) -> bool:
    try:
        attempt()
    except ClientError as error:
        return is_denied(error)
    return False


def _all_actions(deployment: Deployment) -> list[str]:
    statements = policies.read(policies.AIRFLOW, deployment)["Statement"]
    listed = (statement["Action"] for statement in statements)
    return [action for given in listed for action in (given if isinstance(given, list) else [given])]
