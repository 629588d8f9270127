"""Starts the whole stack in order, remembers what it started, and stops it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from include.errors import StackError
from include.local_stack import leftovers, processes
from include.local_stack.airflow_api import AirflowApi
from include.local_stack.config import ROOT, USER, StackConfig, past_proxies
from include.local_stack.private_files import make_private, write_private
from include.local_stack.processes import Component
from include.local_stack.signals import undisturbed

AIRFLOW = {
    "scheduler": ["--skip-serve-logs"],
    "dag-processor": [],
    "triggerer": ["--skip-serve-logs"],
    "api-server": [],
}
"""Each with its options. Task logs are read from the disk; the servers for them would listen on every interface."""


class Stack:
    """The processes of one stack."""

    def __init__(self, config: StackConfig, components: list[Component] | None = None) -> None:
        self.config = config
        self.components = components or []

    @classmethod
    def running(cls, config: StackConfig) -> "Stack | None":
        """The stack that `make up` left running, if any part of it does. Raises StackError where that can't be told."""
        file = config.processes_file
        try:
            stack = cls(config, [Component.from_json(saved) for saved in json.loads(file.read_text())])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StackError(f"{file} can't be read ({error.strerror}); --state has to be a folder of yours") from None
        except (ValueError, LookupError, TypeError):
            raise StackError(
                f"{file} is damaged, so nobody knows what is running; end processes of {config.state} by hand, "
                "then remove the file"
            ) from None
        return stack if any(component.alive for component in stack.components) else None

    def start(self, say: Callable[[str], None]) -> None:
        """Start everything and wait until it answers. Raises StackError: already running, port taken, a part ended."""
        if Stack.running(self.config):
            raise StackError("the stack is already running; stop it with `make down` first")
        _check_ports(self.config)
        make_private(self.config.state)
        say("starting the local SageMaker")
        self._start_sagemaker()
        say("preparing Airflow's database")
        environment = self.config.airflow_environment()
        _migrate(environment, self.config)
        say("starting Airflow: scheduler, DAG processor, triggerer, API server")
        for name, options in AIRFLOW.items():
            self._start(name, [sys.executable, "-m", "airflow", name, *options], environment)
        self.api().wait_until_ready(lambda: processes.check_alive(self.components))

    def stop(self) -> None:
        """Stop everything that was started here or is remembered, and what a part of it that died has left."""
        if not self.components:
            return
        with undisturbed():
            processes.stop(self.components)
            leftovers.end(self.config.sagemaker_state)
            self.components = []
            self.config.processes_file.unlink(missing_ok=True)

    def api(self) -> AirflowApi:
        """A client of this stack's Airflow."""
        return AirflowApi(self.config.airflow_url, USER, self.config.password())

    def client(self, name: str, **config: Any) -> Any:
        """A boto3 client of the local SageMaker, with its owner's keys and further options of botocore's Config."""
        import boto3
        from botocore.config import Config

        connection = self.config.connection()
        extra = connection["extra"]
        return boto3.client(
            name,
            endpoint_url=extra["endpoint_url"],
            region_name=extra["region_name"],
            aws_access_key_id=connection["login"],
            aws_secret_access_key=connection["password"],
            config=Config(proxies={}, **config),
        )

    def _start_sagemaker(self) -> None:
        state = self.config.sagemaker_state
        (state / "service.json").unlink(missing_ok=True)
        argv = [sys.executable, "-m", "local_sagemaker", "--port", str(self.config.sagemaker_port)]
        environment = os.environ | past_proxies(os.environ) | {"PYTHONPATH": str(ROOT)}
        self._start("local SageMaker", [*argv, "--state", str(state)], environment)
        processes.wait_for_file(state / "service.json", self.components[-1], seconds=60)

    def _start(self, name: str, argv: list[str], environment: Mapping[str, str]) -> None:
        log = self.config.logs / f"{name.replace(' ', '-').lower()}.log"
        self.components.append(processes.start(name, argv, environment, log))
        saved = json.dumps([component.as_json() for component in self.components])
        write_private(self.config.processes_file, saved)


def _migrate(environment: Mapping[str, str], config: StackConfig) -> None:
    log = config.logs / "migrate.log"
    with log.open("ab") as output:
        start = output.tell()
        argv = [sys.executable, "-m", "airflow", "db", "migrate"]
        code = subprocess.call(argv, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    if code:
        raise StackError(f"Airflow's database can't be prepared: {processes.last_words(log, start)} (all of it: {log})")


def _check_ports(config: StackConfig) -> None:
    _check_port(config.sagemaker_port, "SAGEMAKER_PORT")
    _check_port(config.airflow_port, "AIRFLOW_PORT")
    if config.sagemaker_port == config.airflow_port:
        raise StackError(f"SAGEMAKER_PORT and AIRFLOW_PORT are both {config.airflow_port}; give each a port of its own")


def _check_port(port: int, variable: str) -> None:
    if not 1 <= port <= 65535:
        raise StackError(f"{variable}={port} is no port; choose one from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StackError(f"port {port} is taken; free it, or choose another: {variable}=<port> make ...") from None
