"""Where the stack's state, ports and keys are, and the environment that its Airflow runs in."""

import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.local_stack.private_files import make_private, write_private

ROOT = Path(__file__).resolve().parents[2]
USER = "admin"
_SECRETS = "airflow-secrets.json"


@dataclass(frozen=True)
class StackConfig:
    """The choices of one stack; everything that it writes lies below `state`."""

    state: Path
    airflow_port: int = 8080
    sagemaker_port: int = 4599
    mirrors: str = ""
    """Overrides the datasets' mirrors, as TUNING_DATASET_MIRRORS does."""

    @property
    def sagemaker_state(self) -> Path:
        """The local SageMaker's folder."""
        return self.state / "sagemaker"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.state / "airflow"

    @property
    def logs(self) -> Path:
        """One file a process of the stack."""
        return self.state / "logs"

    @property
    def airflow_url(self) -> str:
        """The UI and the REST API."""
        return f"http://127.0.0.1:{self.airflow_port}"

    @property
    def password_file(self) -> Path:
        """Where Airflow's simple auth manager keeps the login."""
        return self.airflow_home / "passwords.json"

    @property
    def processes_file(self) -> Path:
        """Which processes `make up` left running."""
        return self.state / "stack.json"

    def password(self) -> str:
        """The login's password, made at the first call."""
        return self._secrets()["password"]

    def airflow_environment(self) -> dict[str, str]:
        """The variables of every Airflow process; the local SageMaker must have started, for its endpoint and keys."""
        kept = self._secrets()
        self.password_file.parent.mkdir(parents=True, exist_ok=True)
        write_private(self.password_file, json.dumps({USER: kept["password"]}))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS_"))}
        return (
            inherited
            | past_proxies(inherited)
            | {
                "AIRFLOW_HOME": str(self.airflow_home),
                "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(self.connection()),
                "AIRFLOW__API__HOST": "127.0.0.1",
                "AIRFLOW__API__PORT": str(self.airflow_port),
                "AIRFLOW__API__BASE_URL": self.airflow_url,
                "AIRFLOW__API__WORKERS": "1",
                "AIRFLOW__API__SECRET_KEY": kept["secret_key"],
                "AIRFLOW__API_AUTH__JWT_SECRET": kept["jwt_secret"],
                "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
                "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.airflow_url}/execution/",
                "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__PARALLELISM": "4",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.password_file),
                "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
                "AIRFLOW__SCHEDULER__ENABLE_TRACEMALLOC": "False",
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
                "PYTHONPATH": str(ROOT),
                "TUNING_POLL_SECONDS": "2",
            }
            | ({"TUNING_DATASET_MIRRORS": self.mirrors} if self.mirrors else {})
        )

    def connection(self) -> dict[str, Any]:
        """The Airflow connection to the local SageMaker: all that tells it from AWS."""
        service = json.loads((self.sagemaker_state / "service.json").read_text())
        keys = json.loads((self.sagemaker_state / "credentials.json").read_text())
        return {
            "conn_type": "aws",
            "login": keys["access_key"],
            "password": keys["secret_key"],
            "extra": {
                "endpoint_url": service["endpoint_url"],
                "region_name": service["region"],
                "sagemaker_execution_role": service["role_arn"],
            },
        }

    def _secrets(self) -> dict[str, str]:
        path = self.state / _SECRETS
        if not path.exists():
            make_private(self.state)
            made = {name: secrets.token_urlsafe(24) for name in ("password", "secret_key", "jwt_secret")}
            write_private(path, json.dumps(made))
        kept: dict[str, str] = json.loads(path.read_text())
        return kept


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep what the stack's processes say to each other away from an HTTP proxy."""
    both = ("no_proxy", "NO_PROXY")
    given = next((environment[name] for name in both if environment.get(name)), "")
    hosts = given if given.strip() == "*" else ",".join([*([given] if given else []), "127.0.0.1", "localhost"])
    return dict.fromkeys(both, hosts)
