"""What S3 refuses or fails, as one line each; and the retries that come before."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, IncompleteReadError

from include.errors import (
    BucketForbiddenError,
    BucketForeignError,
    BucketMissingError,
    ChecksumError,
    StorageError,
    StorageUnavailableError,
)

_MISSING = {"NoSuchBucket", "404", "NotFound"}
_DENIED = {"AccessDenied", "403", "Forbidden"}
_FORBIDDEN = _DENIED | {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
_FOREIGN = {"301", "PermanentRedirect", "BucketAlreadyExists", "AuthorizationHeaderMalformed", "IllegalLocation"}
_CHANGED = {"BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest"}
_PERMISSIONS = {
    "CompleteMultipartUpload": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "UploadPart": "s3:PutObject",
}


def s3_config(*, attempts: int = 8) -> Config:
    """botocore's standard retries (500, 502, 503, 504, throttling, connection errors; up to 20 s apart), more of them.

    For whoever makes the client: boto3.client("s3", config=...) or S3Hook(config=...).
    """
    return Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=16,
    )


@contextmanager
def explained_s3(action: str, bucket: str) -> Iterator[None]:
    """Turns botocore's errors into ours, each saying what was tried (`action`) and what to do."""
    try:
        yield
    except ClientError as error:
        raise _explain(error, action, bucket) from error
    except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
        raise StorageUnavailableError(
            f"Cannot {action}: S3 is out of reach ({error}): check the network and the endpoint, then run again"
        ) from error
    except RecursionError as error:
        # A 301 that names no region: botocore asks with head_bucket, is answered so again, and asks again.
        raise _foreign(action, bucket, "301") from error
    except BotoCoreError as error:
        raise StorageError(f"Cannot {action}: {error}") from error


def status_of(error: ClientError) -> int:
    """The HTTP status of an S3 error, 0 if there is none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _explain(error: ClientError, action: str, bucket: str) -> StorageError | ChecksumError:
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), str(details.get("Message", ""))
    if status_of(error) >= 500 or code in ("SlowDown", "503", "500"):
        return StorageUnavailableError(
            f"Cannot {action}: S3 kept answering {status_of(error)} {code}: run again later, "
            "what is already uploaded stays"
        )
    if code in _MISSING:
        return BucketMissingError(f"Cannot {action}: bucket {bucket} does not exist: create it or name another")
    if code in _FORBIDDEN:
        return BucketForbiddenError(
            f"Cannot {action}: access to bucket {bucket} is denied ({_denial(code, error.operation_name)}): check the "
            "credentials, their policy and that the bucket is yours"
        )
    if code in _FOREIGN:
        return _foreign(action, bucket, code)
    if code in _CHANGED:
        return ChecksumError(f"Cannot {action}: S3 received other bytes than the checksum says ({code}): run again")
    return StorageError(f"Cannot {action}: S3 answered {code}: {message}")


def _denial(code: str, operation: str) -> str:
    """S3 answers a HEAD with the bare status; the permission is not always called as the operation is."""
    if code not in _DENIED:
        return code
    return f"AccessDenied, it needs {_PERMISSIONS.get(operation, f's3:{operation}')}"


def _foreign(action: str, bucket: str, code: str) -> BucketForeignError:
    return BucketForeignError(
        f"Cannot {action}: bucket {bucket} belongs to another account or region ({code}): name another"
    )
