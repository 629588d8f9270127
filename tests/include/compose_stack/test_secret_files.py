"""The first start makes the secrets, every later one leaves them alone, and nobody else may read them."""

import base64
from pathlib import Path

import pytest

from include.compose_stack.secret_files import make_missing
from include.errors import StackError


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The volumes of a first start."""
    for volume in ("airflow", "postgres"):
        (tmp_path / volume).mkdir()
    return tmp_path


def test_the_first_start_makes_secrets_of_its_own(folder: Path) -> None:
    make_missing(folder)
    made = contents(folder)
    assert set(made) == {
        "airflow/fernet_key",
        "airflow/jwt_secret",
        "airflow/api_secret_key",
        "airflow/admin_password",
        "airflow/sql_alchemy_conn",
        "postgres/password",
    }
    assert len(set(made.values())) == len(made)
    assert len(base64.urlsafe_b64decode(made["airflow/fernet_key"])) == 32
    assert all(len(secret) >= 16 for secret in made.values())


def test_only_their_owner_may_read_them(folder: Path) -> None:
    make_missing(folder)
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*") if path.is_file())


def test_a_later_start_leaves_them_alone(folder: Path) -> None:
    make_missing(folder)
    first = contents(folder)
    assert make_missing(folder) == []
    assert contents(folder) == first


def test_airflow_is_told_the_password_that_the_database_has(folder: Path) -> None:
    make_missing(folder)
    password = (folder / "postgres" / "password").read_text()
    assert f"//airflow:{password}@postgres/" in (folder / "airflow" / "sql_alchemy_conn").read_text()


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StackError) as failed:
        make_missing(tmp_path / "absent")
    assert str(tmp_path / "absent") in str(failed.value)
    assert "\n" not in str(failed.value)
