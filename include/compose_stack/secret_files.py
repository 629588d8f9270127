"""The secrets of the compose stack: made at the first start, kept in volumes, a file each for its owner alone to read.

A folder is a volume: airflow/ is for Airflow's own processes, postgres/ for the database.
"""

import base64
import secrets
from collections.abc import Callable
from pathlib import Path

from include.errors import StackError
from include.local_stack.private_files import write_private

FOLDER = Path("/secrets")
ADMIN_PASSWORD = Path("airflow", "admin_password")
DATABASE_PASSWORD = Path("postgres", "password")
DATABASE_URL = Path("airflow", "sql_alchemy_conn")


def _key() -> str:
    return secrets.token_urlsafe(32)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _password() -> str:
    return secrets.token_urlsafe(12)


MADE: dict[Path, Callable[[], str]] = {
    Path("airflow", "fernet_key"): _fernet_key,
    Path("airflow", "jwt_secret"): _key,
    Path("airflow", "api_secret_key"): _key,
    ADMIN_PASSWORD: _password,
    DATABASE_PASSWORD: _key,
}


def make_missing(folder: Path) -> list[str]:
    """Make the secrets that `folder` lacks; their names. Raises StackError where it can't be written."""
    made = []
    try:
        for name, make in MADE.items():
            if not (folder / name).exists():
                write_private(folder / name, make())
                made.append(name.as_posix())
        password = (folder / DATABASE_PASSWORD).read_text()
        write_private(folder / DATABASE_URL, f"postgresql+psycopg2://airflow:{password}@postgres/airflow")
    except OSError as error:
        raise StackError(f"{folder} can't hold the stack's secrets: {error}") from None
    return made
