"""docs/deploy-to-aws.md, followed to the letter on an empty account: `make aws-check` then finds all of it ready."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, running_service

GUIDE = (ROOT / "docs" / "deploy-to-aws.md").read_text()
REGION, ACCOUNT = "eu-west-1", "000000000000"


def commands_before(heading: str) -> str:
    """The shell blocks above a heading, for the account that there is here."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE[: GUIDE.index(heading)], re.DOTALL)
    return "\n".join(blocks).replace("123456789012", ACCOUNT)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """This checkout as seen from another folder, so that what the guide writes does not come to lie here."""
    for name in ("Makefile", "requirements.txt", "include", "plugins", "dags", "training", ".venv"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.slow
def test_the_guide_makes_a_deployment_that_is_ready(checkout: Path, tmp_path_factory, aws_cli: Path) -> None:
    with running_service(tmp_path_factory.mktemp("guide"), "--check-iam", "--region", REGION) as owner:
        keys = {"AWS_ACCESS_KEY_ID": owner.access_key, "AWS_SECRET_ACCESS_KEY": owner.secret_key}
        place = {"AWS_ENDPOINT_URL": owner.endpoint_url, "AWS_DEFAULT_REGION": REGION}
        path = {"PATH": f"{aws_cli.parent}:{os.environ['PATH']}"}

        def shell(script: str, **variables: str) -> str:
            environment = os.environ | path | variables
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=checkout,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        said = shell(commands_before("## The connection"), **keys, **place)
        made = json.loads(said[said.rindex('{\n    "AccessKey"') :].partition("\n}")[0] + "\n}")["AccessKey"]
        extra = {
            "endpoint_url": owner.endpoint_url,
            "region_name": REGION,
            "sagemaker_execution_role": f"arn:aws:iam::{ACCOUNT}:role/TuningRole",
        }
        connection = {
            "conn_type": "aws",
            "login": made["AccessKeyId"],
            "password": made["SecretAccessKey"],
            "extra": extra,
        }
        checked = shell("make aws-check", AIRFLOW_CONN_AWS_DEFAULT=json.dumps(connection), TUNING_BUCKET="acme-tuning")
    lines = checked.splitlines()
    assert [line[:2] for line in lines] == ["ok", "ok", "ok", "ok", "ok", "? ", "? "], checked
    assert "acme-tuning is there, in eu-west-1; closed to the public" in checked
