"""Whether the bucket, the image and the quotas are there for what a run would use."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.aws import policies
from include.aws.findings import GUIDE, Finding, is_denied, no, ok, told, unknown
from include.aws.policies import Deployment
from include.storage.s3_errors import status_of

BUCKET = "bucket"
IMAGE = "image"
QUOTAS = "quotas"
PARALLEL_TRIALS = 10
"""Trials at a time in one tuning job; up to 100 on request. SageMaker developer guide, "Resource Limits"."""
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True)
class Machines:
    """What the form asks of SageMaker at one time."""

    instance_type: str
    parallel_jobs: int
    instance_count: int
    spot: bool

    @property
    def quota(self) -> str:
        """The name of the quota that counts them."""
        return f"{self.instance_type} for {'spot ' if self.spot else ''}training job usage"

    @property
    def instances(self) -> int:
        """How many run at once."""
        return self.parallel_jobs * self.instance_count


def bucket(s3: Any, deployment: Deployment, may_make: bool | None) -> Finding:
    """Whether it lies in the region, is this account's, and closed to the public.

    may_make: whether the DAG may make a missing one; None where that is not known.
    """
    name, region = deployment.bucket, deployment.region
    try:
        found = s3.head_bucket(Bucket=name, ExpectedBucketOwner=deployment.account).get("BucketRegion", region)
    except ClientError as error:
        return _without_bucket(error, deployment, may_make)
    if found != region:
        return no(BUCKET, f"{name} lies in {found}; SageMaker in {region} needs one in {region}")
    private = _is_private(s3, name)
    if private is False:
        return no(BUCKET, f"{name} is not closed to the public: aws s3api put-public-access-block, see {GUIDE}")
    rest = "closed to the public" if private else "whether it is closed to the public can't be seen"
    return ok(BUCKET, f"{name} is there, in {region}; {rest}")


def image(ecr: Any, uri: str) -> Finding:
    """Whether the registry has the image."""
    registry, _, rest = uri.partition("/")
    repository, _, tag = rest.partition(":")
    try:
        answer = ecr.batch_get_image(
            registryId=registry.partition(".")[0], repositoryName=repository, imageIds=[{"imageTag": tag}]
        )
    except (ClientError, BotoCoreError) as error:
        return unknown(IMAGE, f"the SageMaker SDK knows {uri}; its registry can't be asked: {told(error)}")
    if answer["images"]:
        return ok(IMAGE, uri)
    return no(IMAGE, f"{uri} is not in its registry: choose another framework version in the DAG's Study")


def quotas(service_quotas: Any, machines: Machines, region: str) -> list[Finding]:
    """Whether as many instances may run at once as the form's trials need."""
    found = []
    if machines.parallel_jobs > PARALLEL_TRIALS:
        need = f"{machines.parallel_jobs} trials at a time need more than the usual {PARALLEL_TRIALS}"
        found.append(unknown(QUOTAS, f"{need} in one tuning job: ask AWS for it, or give fewer parallel_jobs"))
    try:
        limit = next(_values(service_quotas, machines.quota), None)
    except (ClientError, BotoCoreError) as error:
        why = (
            f"{policies.AWS_CHECK}.json allows it"
            if isinstance(error, ClientError) and is_denied(error)
            else told(error)
        )
        look = f"look for {machines.quota!r} under Service Quotas, Amazon SageMaker; it takes {machines.instances}"
        return [*found, unknown(QUOTAS, f"can't be read ({why}): {look}")]
    if limit is None:
        return [*found, no(QUOTAS, f"{region} has no quota {machines.quota!r}: choose another instance_type")]
    if limit < machines.instances:
        ask = f"ask for {machines.instances} under Service Quotas, or give fewer parallel_jobs"
        return [*found, no(QUOTAS, f"{machines.quota}: {limit:g}, and the form takes {machines.instances}: {ask}")]
    return [*found, ok(QUOTAS, f"{machines.quota}: {limit:g}, and the form takes {machines.instances}")]


def _without_bucket(error: ClientError, deployment: Deployment, may_make: bool | None) -> Finding:
    name, region, status = deployment.bucket, deployment.region, status_of(error)
    if status == 404 and may_make:
        return ok(BUCKET, f"{name} does not exist; the first run makes it in {region}")
    if status == 404:
        allowed = "may not make it" if may_make is False else "perhaps may not make it"
        mend = f"make it ({GUIDE}), or give the caller {policies.MAKES_BUCKET}.json"
        return no(BUCKET, f"{name} does not exist, and the DAG {allowed}: {mend}")
    if status == 403:
        why = f"{name} belongs to another account, or s3:ListBucket on it is not allowed"
        return no(BUCKET, f"{why}: name another bucket, or give the caller {policies.AIRFLOW}.json")
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    where = headers.get("x-amz-bucket-region", "another region")
    return no(
        BUCKET, f"{name} lies in {where}, and SageMaker in {region} reads from {region} alone: name another bucket"
    )


def _is_private(s3: Any, name: str) -> bool | None:
    """None where it can't be seen."""
    try:
        blocks = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        return False if error.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration" else None
    return all(blocks.get(block) for block in _BLOCKS)


def _values(service_quotas: Any, name: str) -> Iterator[float]:
    """The account's value of a quota, and AWS's own for it."""
    for listing in ("list_service_quotas", "list_aws_default_service_quotas"):
        for page in service_quotas.get_paginator(listing).paginate(ServiceCode="sagemaker"):
            yield from (quota["Value"] for quota in page["Quotas"] if quota["QuotaName"] == name)
