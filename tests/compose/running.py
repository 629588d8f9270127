"""docker-compose.yaml on a Docker engine: under a project name of its own, on free ports."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from include.local_stack.airflow_api import DAG_ID, AirflowApi
from include.local_stack.airflow_session import AirflowSession
from include.local_stack.watch import Watch
from tests.conftest import ROOT
from tests.e2e.conftest import QUICK

COMMANDS = (("docker", "compose"), ("docker-compose",))
READY_SECONDS = 600
RUN_SECONDS = 1200
SETTINGS = ("AIRFLOW", "TUNING_", "LOCAL_SAGEMAKER", "SAGEMAKER_PORT", "COMPOSE_")
"""How the variables begin that a user's shell could set; a test sees those alone that it sets."""


def installed(command: tuple[str, ...]) -> bool:
    """Whether this Compose is on this machine."""
    if not shutil.which(command[0]):
        return False
    return subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0


def docker(*arguments: str) -> str:
    """What a docker command prints."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Container:
    """One container, as `docker inspect` shows it."""

    about: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.about["Id"])

    @property
    def service(self) -> str:
        return str(self.about["Config"]["Labels"]["com.docker.compose.service"])

    @property
    def state(self) -> str:
        """healthy, unhealthy, starting, or where nothing checks it, exited 0, running ..."""
        state = self.about["State"]
        if state["Status"] == "running" and "Health" in state:
            return str(state["Health"]["Status"])
        return f"{state['Status']} {state['ExitCode']}" if state["Status"] == "exited" else str(state["Status"])

    @property
    def ready(self) -> bool:
        return self.state == ("exited 0" if self.service in ("secrets", "airflow-init") else "healthy")

    def read(self, path: str) -> str:
        """A file in it."""
        return docker("exec", self.id, "cat", path)


@dataclass(frozen=True)
class ComposeStack:
    """The services of one project, whatever of them runs."""

    command: tuple[str, ...]
    project: str
    env_file: Path
    airflow_port: int
    sagemaker_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.airflow_port}"

    def compose(self, *arguments: str) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        argv = [*self.command, "--project-name", self.project, "--env-file", str(self.env_file), *arguments]
        done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(argv)}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}\n{self.states()}"

    def up(self, *, workers: int, **settings: str) -> None:
        """Start it with these lines in .env, and wait until every service is healthy."""
        ports = {"AIRFLOW_PORT": str(self.airflow_port), "SAGEMAKER_PORT": str(self.sagemaker_port)}
        lines = (f"{name}='{value}'\n" for name, value in (ports | settings).items())
        self.env_file.write_text("".join(lines))
        began = time.monotonic()
        self.compose("up", "-d", "--scale", f"airflow-worker={workers}")
        self.wait_until_ready()
        print(f"ready after {time.monotonic() - began:.0f} s, with {workers} workers")

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not all(container.ready for container in self.containers()):
            assert time.monotonic() < deadline, f"not ready after {READY_SECONDS} s: {self.states()}"
            time.sleep(1)

    def containers(self, service: str = "") -> list[Container]:
        """All of the project, or of a service, also those that have ended."""
        label = f"label=com.docker.compose.project={self.project}"
        ids = docker("ps", "--all", "--quiet", "--filter", label).split()
        found = [Container(about) for about in json.loads(docker("inspect", *ids))] if ids else []
        return [container for container in found if service in ("", container.service)]

    def states(self) -> dict[str, str]:
        return {f"{container.service} {container.id[:12]}": container.state for container in self.containers()}

    def one(self, service: str) -> Container:
        (container,) = self.containers(service)
        return container

    @cached_property
    def password(self) -> str:
        return self.one("airflow-api-server").read("/secrets/airflow/admin_password")

    def api(self) -> AirflowApi:
        return AirflowApi(self.url, "admin", self.password)

    def get(self, path: str) -> dict[str, Any]:
        """What Airflow's REST API answers."""
        answer: dict[str, Any] = AirflowSession(self.url, "admin", self.password).request("GET", path).json()
        return answer

    def client(self, name: str) -> Any:
        """A boto3 client of the local SageMaker, through its port on this machine."""
        keys = json.loads(self.one("local-sagemaker").read("/secrets/sagemaker/credentials.json"))
        return boto3.client(
            name,
            endpoint_url=f"http://127.0.0.1:{self.sagemaker_port}",
            region_name="us-east-1",
            aws_access_key_id=keys["access_key"],
            aws_secret_access_key=keys["secret_key"],
        )

    def run(self, sagemaker: Any, **params: Any) -> str:
        """Trigger a run and wait for its success; its id."""
        api = self.api()
        run_id = api.trigger(QUICK | params)
        self.watch(run_id, sagemaker)
        return run_id

    def watch(self, run_id: str, sagemaker: Any) -> None:
        """Wait for a run's success. Raises RunFailedError."""
        began = time.monotonic()

        def check() -> None:
            assert time.monotonic() - began < RUN_SECONDS, self.get(f"dags/{DAG_ID}/dagRuns/{run_id}")

        Watch(self.api(), run_id, sagemaker, print).until_success(check)
        print(f"run {run_id} ended after {time.monotonic() - began:.0f} s more")

    def workers_of(self, run_id: str) -> dict[str, list[str]]:
        """The worker of each try of each task, by the name that Airflow and Docker both have for it."""
        tasks = self.get(f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: self._workers_of_tries(run_id, task["task_id"]) for task in tasks}

    def _workers_of_tries(self, run_id: str, task_id: str) -> list[str]:
        tries = self.get(f"dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task_id}/tries")["task_instances"]
        return [attempt["hostname"] for attempt in sorted(tries, key=lambda attempt: attempt["try_number"])]
