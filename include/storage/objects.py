"""One object put on S3 once: only if it is missing, checked by the server on arrival and by us afterwards."""

import base64
import hashlib
import io
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from include.errors import ChecksumError
from include.storage.s3_errors import explained_s3, status_of

MULTIPART_FROM = 64 << 20
PART_BYTES = 16 << 20

_DIGEST = "sha256"  # the object's metadata that says its whole content's SHA-256, multipart or not


def upload_file_once(s3: Any, data: bytes, bucket: str, key: str, *, kms_key: str = "") -> bool:
    """Puts `data` at bucket/key unless the same bytes are there. Returns whether anything was uploaded.

    Encrypted with SSE-S3, or with the KMS key if one is named. Large data goes in parallel parts.
    Raises ChecksumError if S3 holds something else afterwards, and StorageError's kinds.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    with explained_s3(f"upload s3://{bucket}/{key}", bucket):
        if is_there(s3, bucket, key, len(data), sha256):
            return False
    put(s3, data, sha256, bucket, key, kms_key=kms_key)
    return True


def put(s3: Any, data: bytes, sha256: str, bucket: str, key: str, *, kms_key: str = "") -> None:
    """Puts `data`, whose SHA-256 (hex) is known, at bucket/key, whatever is there. Raises as `upload_file_once`."""
    options = _options(sha256, kms_key)
    with explained_s3(f"upload s3://{bucket}/{key}", bucket):
        if len(data) < MULTIPART_FROM:
            expected = base64.b64encode(bytes.fromhex(sha256)).decode()
            s3.put_object(Bucket=bucket, Key=key, Body=data, ChecksumSHA256=expected, **options)
        else:
            expected = composite_sha256(data)
            _upload_parts(s3, data, bucket, key, options)
        _verify(s3, bucket, key, len(data), expected)


def is_there(s3: Any, bucket: str, key: str, size: int, sha256: str) -> bool:
    """Whether bucket/key has this size and was uploaded with this SHA-256 (hex). Raises botocore's ClientError."""
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        # Without s3:ListBucket, S3 answers 403 for an object that is missing; the put then decides.
        if status_of(error) in (403, 404):
            return False
        raise
    return bool(head["ContentLength"] == size and head["Metadata"].get(_DIGEST) == sha256)


def composite_sha256(data: bytes) -> str:
    """S3's checksum of a multipart object: base64 of the SHA-256 of the parts' SHA-256s, a hyphen, how many.

    Source: Amazon S3 user guide, "Checking object integrity", composite checksums.
    """
    view = memoryview(data)
    digests = [hashlib.sha256(view[at : at + PART_BYTES]).digest() for at in range(0, len(data), PART_BYTES)]
    whole = hashlib.sha256(b"".join(digests)).digest()
    return f"{base64.b64encode(whole).decode()}-{len(digests)}"


def _options(sha256: str, kms_key: str) -> dict[str, Any]:
    encryption = {"ServerSideEncryption": "AES256"}
    if kms_key:
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
    return {"Metadata": {_DIGEST: sha256}, **encryption}


def _upload_parts(s3: Any, data: bytes, bucket: str, key: str, options: dict[str, Any]) -> None:
    transfer = TransferConfig(multipart_threshold=MULTIPART_FROM, multipart_chunksize=PART_BYTES, max_concurrency=4)
    s3.upload_fileobj(
        io.BytesIO(data), bucket, key, ExtraArgs={**options, "ChecksumAlgorithm": "SHA256"}, Config=transfer
    )


def _verify(s3: Any, bucket: str, key: str, size: int, expected: str) -> None:
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    if head["ContentLength"] != size or head.get("ChecksumSHA256", expected) != expected:
        raise ChecksumError(
            f"s3://{bucket}/{key} has {head['ContentLength']} bytes with SHA-256 {head.get('ChecksumSHA256')}, "
            f"expected {size} with {expected}: something else wrote it meanwhile, run again"
        )
