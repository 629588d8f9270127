from pathlib import Path

import pytest

from include import settings
from include.errors import SettingsError


def test_an_empty_environment_has_defaults_that_need_no_aws_account() -> None:
    read = settings.read({})
    assert read.staging_url == (Path("~/airflow").expanduser() / "staging").as_uri()
    assert (read.mirrors, read.bucket, read.prefix, read.connection) == ((), "", "mnist-tuning", "aws_default")


def test_staging_lies_in_airflows_home_unless_told_otherwise() -> None:
    assert settings.read({"AIRFLOW_HOME": "/srv/air flow"}).staging_url == "file:///srv/air%20flow/staging"
    assert settings.read({"TUNING_STAGING_URL": "s3://aws@bucket/x/"}).staging_url == "s3://aws@bucket/x"


def test_data_is_encrypted_with_s3s_own_keys_unless_told_otherwise() -> None:
    assert settings.read({}).kms_key == ""
    assert settings.read({"TUNING_KMS_KEY": "alias/team"}).kms_key == "alias/team"


def test_mirrors_are_separated_by_spaces_or_commas() -> None:
    read = settings.read({"TUNING_DATASET_MIRRORS": "http://a/{dataset}/, http://b/"})
    assert read.mirrors == ("http://a/{dataset}/", "http://b/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TUNING_STAGING_URL", "/tmp/x"),
        ("TUNING_STAGING_URL", ""),
        ("TUNING_POLL_SECONDS", "soon"),
        ("TUNING_POLL_SECONDS", "0"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}={value!r}"):
        settings.read({name: value})
