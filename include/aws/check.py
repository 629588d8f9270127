"""The preflight of a deployment: everything that a run needs on AWS, looked at in order, without changing anything."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from include.aws import identity, policies, probes, resources
from include.aws.findings import Finding
from include.aws.identity import Caller
from include.aws.policies import Deployment
from include.aws.resources import Machines

SERVICES = ("iam", "s3", "sagemaker", "logs", "ecr", "service-quotas")
"""The clients that `findings` wants, by name."""


def findings(
    clients: Mapping[str, Any], caller: Caller, deployment: Deployment, machines: Machines, image: str
) -> Iterator[Finding]:
    """A line for each thing, as it is found. `image` is "" where it is known already that there is none."""
    asked = identity.may_i(clients["iam"], caller, deployment)
    yield from asked if asked is not None else probes.may_i(clients, deployment)
    yield identity.trusts_sagemaker(clients["iam"], deployment)
    yield from identity.role_may(clients["iam"], deployment)
    yield resources.bucket(clients["s3"], deployment, _may_make_bucket(clients["iam"], caller, deployment))
    if image:
        yield resources.image(clients["ecr"], image)
    yield from resources.quotas(clients["service-quotas"], machines, deployment.region)


def _may_make_bucket(iam: Any, caller: Caller, deployment: Deployment) -> bool | None:
    if caller.is_root:
        return True
    (statement,) = policies.read(policies.MAKES_BUCKET, deployment)["Statement"]
    try:
        return not list(identity.refused(iam, caller.policy_source, statement))
    except ClientError:
        return None
