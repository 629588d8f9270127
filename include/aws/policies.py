"""The policies beside this module, filled in for one deployment."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.errors import PolicyError

FOLDER = Path(__file__).with_name("policies")
AIRFLOW = "airflow"
MAKES_BUCKET = "airflow-makes-bucket"
AWS_CHECK = "aws-check"
EXECUTION_ROLE = "execution-role"
TRUST = "execution-role-trust"
NAMES = (AIRFLOW, MAKES_BUCKET, AWS_CHECK, EXECUTION_ROLE, TRUST)
JOBS = "mnist-tuning"
"""What the names of the tuning jobs of the DAG mnist_tuning begin with."""

_FORMS = {
    "account": re.compile(r"\d{12}"),
    "region": re.compile(r"[a-z]{2}(-[a-z]+)+-\d"),
    "bucket": re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "role": re.compile(r"[\w+=,.@/-]+"),
    "prefix": re.compile(r"[^*?<>\"\\]*"),
    "jobs": re.compile(r"[a-z0-9-]+"),
}


@dataclass(frozen=True)
class Deployment:
    """What the placeholders stand for. `role` is the execution role's name, its path before it if it has one."""

    account: str
    region: str
    bucket: str
    role: str
    prefix: str = "mnist-tuning"
    jobs: str = JOBS

    def __post_init__(self) -> None:
        for name, form in _FORMS.items():
            value = getattr(self, name)
            if not form.fullmatch(value):
                raise PolicyError(f"{name}={value!r} can't stand in a policy; give {name.upper()}=<the {name}>")

    @property
    def partition(self) -> str:
        """aws, aws-cn or aws-us-gov."""
        special = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
        return next((name for start, name in special.items() if self.region.startswith(start)), "aws")

    @property
    def role_arn(self) -> str:
        """The execution role's ARN."""
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role}"


def read(name: str, deployment: Deployment) -> dict[str, Any]:
    """The policy of that name, one of NAMES, without placeholders."""
    text = (FOLDER / f"{name}.json").read_text().replace("arn:aws:", f"arn:{deployment.partition}:")
    prefix = deployment.prefix.strip("/")
    text = text.replace("/<prefix>", f"/{prefix}" if prefix else "")
    for placeholder in ("account", "region", "bucket", "role", "jobs"):
        text = text.replace(f"<{placeholder}>", getattr(deployment, placeholder))
    policy: dict[str, Any] = json.loads(text)
    return policy


def write_all(folder: Path, deployment: Deployment) -> list[Path]:
    """Write every policy, filled in, to `folder`; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in NAMES:
        path = folder / f"{name}.json"
        path.write_text(json.dumps(read(name, deployment), indent=2) + "\n")
        written.append(path)
    return written
