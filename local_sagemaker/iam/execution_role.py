"""Acts as a training job's role: keys that MiniStack's STS knows, so that the role's policies decide on every request.

What STS does for a user who assumes a role is done here for SageMaker, since MiniStack's AssumeRole takes no service
as its caller. The keys are renewed before they expire.
"""

import datetime
import secrets
import time
from typing import Any

import boto3
import botocore.session
from botocore.credentials import RefreshableCredentials

from local_sagemaker.errors import TrainingError
from local_sagemaker.iam.trust import find_trusting_role
from local_sagemaker.settings import Settings

SECONDS = 12 * 3600
"""How long a set of keys is good, the longest that AWS gives; a script gets them once, at its start."""
_SESSION = "SageMaker"


def assume(role_arn: str, iam: Any, settings: Settings) -> boto3.Session:
    """A session whose clients act as the role. Raises TrainingError where it is gone or does not trust SageMaker."""

    def renewed() -> dict[str, Any]:
        return _open_session(role_arn, iam, settings)

    session = botocore.session.get_session()
    session._credentials = RefreshableCredentials.create_from_metadata(renewed(), renewed, "assume-role")
    return boto3.Session(botocore_session=session)


def _open_session(role_arn: str, iam: Any, settings: Settings) -> dict[str, Any]:
    # Imported here, because MiniStack reads the environment when it is imported.
    from ministack.services import sts

    role = find_trusting_role(role_arn, iam, settings)
    if role is None:
        raise TrainingError(f"ClientError: Could not assume role {role_arn}: it is gone or does not trust SageMaker.")
    key, secret, token = "ASIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30), secrets.token_urlsafe(60)
    expires = time.time() + SECONDS
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{settings.account}:assumed-role/{role['RoleName']}/{_SESSION}",
            "UserId": f"{role['RoleId']}:{_SESSION}",
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": expires,
            "AccountId": settings.account,
            "PrincipalType": "AssumedRole",
        },
    )
    expiry = datetime.datetime.fromtimestamp(expires, datetime.UTC).isoformat()
    return {"access_key": key, "secret_key": secret, "token": token, "expiry_time": expiry}
