"""The service's key pair: made at the first start, kept in a file that its owner alone may read."""

import json
import os
import secrets
from pathlib import Path

from local_sagemaker.errors import StartError
from local_sagemaker.settings import Credentials

FILE_NAME = "credentials.json"


def load_or_create(path: Path) -> Credentials:
    """The key pair in the file, made if it is not there yet. The file's mode is 0600. Raises StartError."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pair = {"access_key": "AKIALOCAL" + secrets.token_hex(6).upper()[:11], "secret_key": secrets.token_urlsafe(30)}
        partial = path.with_suffix(".partial")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(pair, file)
        partial.replace(path)
    try:
        pair = json.loads(path.read_text())
        return Credentials(str(pair["access_key"]), str(pair["secret_key"]))
    except (ValueError, TypeError, KeyError):
        raise StartError(
            f"{path} holds no key pair (access_key and secret_key as JSON); restore it, or delete it for a new one."
        ) from None
