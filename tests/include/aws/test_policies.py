"""The policy files, filled in, are what IAM takes."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from include.aws import __main__ as command
from include.aws import policies
from include.aws.policies import Deployment
from include.errors import PolicyError
from include.tuning.naming import beginning, tuning_job_name

HERE = Deployment(account="123456789012", region="eu-west-1", bucket="acme", role="team/TuningRole")
MOST_OF_A_MANAGED_POLICY = 6144  # characters, white space not counted: IAM's quotas


@pytest.mark.parametrize("name", policies.NAMES)
def test_nothing_is_left_to_fill_in_and_it_fits_into_a_managed_policy(name: str) -> None:
    text = json.dumps(policies.read(name, HERE))
    assert not re.search("[<>]", text)
    assert len("".join(text.split())) < MOST_OF_A_MANAGED_POLICY


def test_every_file_is_written() -> None:
    assert {path.stem for path in policies.FOLDER.glob("*.json")} == set(policies.NAMES)


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_arns_are_of_the_regions_partition(region: str, partition: str) -> None:
    text = json.dumps(policies.read(policies.AIRFLOW, replace(HERE, region=region)))
    assert f"arn:{partition}:s3:::acme" in text
    assert "arn:aws:" not in text


def test_without_a_prefix_the_whole_bucket_is_meant() -> None:
    text = json.dumps(policies.read(policies.EXECUTION_ROLE, replace(HERE, prefix="")))
    assert "arn:aws:s3:::acme/data/*" in text


def test_the_names_of_the_dags_tuning_jobs_are_allowed() -> None:
    assert beginning("mnist_tuning") == policies.JOBS
    assert tuning_job_name("mnist_tuning", "manual__2026-11-23").startswith(policies.JOBS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("account", "12345"), ("region", ""), ("bucket", "Acme"), ("role", 'a"b'), ("prefix", "a*"), ("jobs", "a b")],
)
def test_a_value_that_cannot_stand_in_a_policy_is_named(name: str, value: str) -> None:
    with pytest.raises(PolicyError, match=f"^{name}='?{re.escape(value)}"):
        replace(HERE, **{name: value})


def test_the_command_writes_them_or_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--account", HERE.account, "--region", HERE.region, "--bucket", HERE.bucket, "--to", str(tmp_path)]
    assert command.main([*given, "--role", "TuningRole"]) == 0
    assert json.loads((tmp_path / "airflow.json").read_text()) == policies.read(
        policies.AIRFLOW, replace(HERE, role="TuningRole")
    )
    assert command.main(given) == 1
    assert capsys.readouterr().err == "failed: role='' can't stand in a policy; give ROLE=<the role>\n"
