"""The door: every request, whatever its service, carries a SigV4 signature made with a key that this service knows.

MiniStack's own check lets well-known keys and unsigned requests through as its root; whoever reaches SageMaker can run
code, so nothing unsigned passes here. The primitives of SigV4 are MiniStack's. Format: AWS, "Signature Version 4".
"""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from ministack.core import sigv4

from local_sagemaker.errors import ServiceError
from local_sagemaker.settings import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256 "
_MISSING = ("MissingAuthenticationToken", "Request is missing Authentication Token")
_UNKNOWN = ("UnrecognizedClientException", "The security token included in the request is invalid.")


def check_signature(scope: Mapping[str, Any], body: bytes, credentials: Credentials) -> str:
    """The access key that `scope` (ASGI) and `body` are signed with: the owner's or an IAM user's or role's.

    Raises ServiceError (403) where they are signed otherwise.
    """
    try:
        return _check(scope, body, credentials)
    except (TypeError, ValueError):  # a signature, a date or a duration that is none
        raise _refused(("IncompleteSignature", "The request's signature can't be read.")) from None


def require_signature(scope: Mapping[str, Any]) -> None:
    """Raise ServiceError (403) for a request (ASGI) that carries no signature, right or wrong."""
    if not _presigned(_query(scope)) and not _headers(scope).get("authorization", "").startswith(_ALGORITHM):
        raise _refused(_MISSING)


def _check(scope: Mapping[str, Any], body: bytes, credentials: Credentials) -> str:
    require_signature(scope)
    headers, query = _headers(scope), _query(scope)
    presigned = _presigned(query)
    signature = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):
        raise _refused(signature)
    secret = _secret_of(signature.access_key_id, headers, credentials)
    raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    failure = (
        _too_narrow(signature, headers, presigned)
        or sigv4.header_signature_failure(
            signature, secret, scope["method"], raw_path, query, headers, body, presigned=presigned
        )
        or (_expired(query) if presigned else sigv4.request_time_failure(signature))
        or (None if presigned else _altered_body(headers, body))
    )
    if failure is not None:
        raise _refused(failure)
    return str(signature.access_key_id)


def _query(scope: Mapping[str, Any]) -> dict[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _presigned(query: Mapping[str, list[str]]) -> bool:
    return "X-Amz-Signature" in query


def _too_narrow(
    signature: sigv4.HeaderSignature, headers: Mapping[str, str], presigned: bool
) -> tuple[str, str] | None:
    """A signature has to cover all that decides what the request does: its service, its target and its body."""
    signed = set(signature.signed_headers.lower().split(";"))
    open_headers = {name for name in headers if name == "host" or name.startswith("x-amz-")} - signed
    target = headers.get("x-amz-target", "")
    if open_headers:
        return (
            "SignatureDoesNotMatch",
            f"There were headers present in the request which were not signed: {open_headers}",
        )
    if signature.service != "s3" and (presigned or headers.get("x-amz-content-sha256", "").startswith("UNSIGNED")):
        return "SignatureDoesNotMatch", "Only S3 takes requests whose body is not signed."
    if target and (signature.service == "s3" or target.startswith("SageMaker.") != (signature.service == "sagemaker")):
        return "SignatureDoesNotMatch", f"The signature is for {signature.service}, the request is not."
    return None


def _secret_of(access_key: str, headers: Mapping[str, str], credentials: Credentials) -> str:
    if access_key == credentials.access_key:
        return credentials.secret_key
    from ministack.core import iam_evaluator

    if not access_key or iam_evaluator.is_root_access_key(access_key):
        raise _refused(_UNKNOWN)
    account = iam_evaluator.find_iam_access_key_account(access_key)
    known = iam_evaluator.resolve_credential(access_key, account, headers.get("x-amz-security-token", ""))
    if isinstance(known, iam_evaluator.CredentialResolutionError):
        raise _refused((known.code, known.message))
    return str(known.secret_access_key)


def _altered_body(headers: Mapping[str, str], body: bytes) -> tuple[str, str] | None:
    claimed = headers.get("x-amz-content-sha256", "")
    if len(claimed) == 64 and claimed != hashlib.sha256(body).hexdigest():
        return (
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    return None


def _expired(query: Mapping[str, list[str]]) -> tuple[str, str] | None:
    expires = query.get("X-Amz-Expires", [""])[0]
    if not expires.isdigit() or sigv4.presigned_request_is_expired(query["X-Amz-Date"][0], int(expires)):
        return "AccessDenied", "Request has expired"
    return None


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in scope.get("headers", []):
        key, text = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _refused(failure: tuple[str, str]) -> ServiceError:
    return ServiceError(*failure, status=403)
