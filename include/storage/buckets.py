"""A bucket that is ours, private and encrypted, also where an earlier try was killed before it was both."""

from typing import Any

from botocore.exceptions import ClientError

from include.errors import BucketForeignError
from include.storage.s3_errors import explained_s3, status_of

_BLOCK_ALL = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_ENCRYPTED = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}


def ensure_bucket(s3: Any, bucket: str, region: str, *, account: str = "") -> None:
    """Makes the bucket if it is missing, with SSE-S3 encryption and public access blocked.

    A bucket that is there stays as it is, unless it is empty and says nothing of public access: so looks one whose
    making was cut short, and it gets both.

    account: the 12-digit id that must own it, if given, so that nobody else's bucket of that name is written to.
    Raises BucketForeignError (another account's or region's), BucketForbiddenError, StorageUnavailableError.
    """
    owner = {"ExpectedBucketOwner": account} if account else {}
    with explained_s3(f"use bucket {bucket}", bucket):
        try:
            found = s3.head_bucket(Bucket=bucket, **owner)
        except ClientError as error:
            if status_of(error) != 404:
                raise
        else:
            _check_region(bucket, region, found.get("BucketRegion", region))
            if _is_half_made(s3, bucket):
                _harden(s3, bucket)
            return
    with explained_s3(f"create bucket {bucket}", bucket):
        _create(s3, bucket, region)


def _check_region(bucket: str, wanted: str, found: str) -> None:
    if found != wanted:
        raise BucketForeignError(
            f"Bucket {bucket} lies in {found}, but the connection's region is {wanted}, and SageMaker reads only from "
            "its own region: name another bucket or change the region"
        )


def _create(s3: Any, bucket: str, region: str) -> None:
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=bucket, **place)
    except ClientError as error:
        if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise
    _harden(s3, bucket)


def _harden(s3: Any, bucket: str) -> None:
    """The public access block comes last: a bucket that has one has everything."""
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=_ENCRYPTED)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_BLOCK_ALL)


def _is_half_made(s3: Any, bucket: str) -> bool:
    try:
        s3.get_public_access_block(Bucket=bucket)
    except ClientError as error:
        if status_of(error) == 403:  # whoever may not look may not change it either
            return False
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        return not s3.list_objects_v2(Bucket=bucket, MaxKeys=1)["KeyCount"]
    return False
