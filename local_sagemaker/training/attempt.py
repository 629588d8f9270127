"""One attempt at a training job: each host's folders, data, code and variables, then the start of its process.

With several hosts TF_CONFIG is set for all of them, to loopback addresses with ports of the job's own; a job's
Environment may set another. The hosts' names stand in SM_HOSTS and resourceconfig.json, and resolve nowhere.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_sagemaker.errors import TrainingError
from local_sagemaker.records import TrainingJob
from local_sagemaker.service import Service
from local_sagemaker.training import archives, capacity, environment, fifo, ports, requirements, warm_pool
from local_sagemaker.training.channels import ChannelCache
from local_sagemaker.training.checkpoints import CheckpointSync
from local_sagemaker.training.launch import ProcessFolder
from local_sagemaker.training.opt_ml import OptMl, host_names, input_data_config
from local_sagemaker.training.warm_pool import WarmPool

STOP_GRACE_SECONDS = 120
LOG = "output.log"


@dataclass(frozen=True)
class Host:
    """One host of a training job: its view of the container's directories, and its process."""

    name: str
    folders: OptMl
    process: ProcessFolder
    checkpoints: CheckpointSync


def hosts_of(service: Service, job: TrainingJob) -> list[Host]:
    """The hosts of a job, each with a folder of its own below the job's."""
    hosts = []
    for name in host_names(job.request):
        folder = service.settings.jobs_folder / job.name / name
        folders = OptMl(folder / "opt_ml")
        sync = CheckpointSync(service.actor(job.request["RoleArn"]), job.request, folders)
        hosts.append(Host(name, folders, ProcessFolder(folder), sync))
    return hosts


class Attempt:
    """Brings the hosts of a job from nothing to running processes."""

    def __init__(self, service: Service, job: TrainingJob, hosts: Sequence[Host], channels: ChannelCache) -> None:
        self._service, self._job, self._request = service, job, job.request
        self._hosts, self._channels = hosts, channels
        self._actor = service.actor(self._request["RoleArn"])
        self._pipes: dict[str, list[dict[str, Any]]] = {}

    def lay_out(self) -> None:
        """Make the directories, and fetch data, checkpoints and code. Raises TrainingError."""
        self._service.check_role(self._request)
        for index, host in enumerate(self._hosts):
            host.process.path.mkdir(parents=True)
            host.folders.create(self._request, host.name)
            self._pipes[host.name] = []
            for channel in self._request.get("InputDataConfig", []):
                self._provide(channel, host, index)
            host.checkpoints.pull()
            if self._script_mode:
                self._fetch_code(host)

    def start(self, pool: WarmPool, max_runtime: float) -> None:
        """Start every host's process, warm where that makes no difference to the job."""
        for host, launch in zip(self._hosts, self._launches(max_runtime), strict=True):
            host.process.prepare(launch)
        image = self._request["AlgorithmSpecification"].get("TrainingImage", "")
        given = self._request.get("Environment", {})
        for host in self._hosts:
            warm = self._script_mode and warm_pool.fits(image, given, host.folders.code)
            if not (warm and pool.start(host.process.path)):
                host.process.start()

    def _provide(self, channel: dict[str, Any], host: Host, index: int) -> None:
        """A channel's files: through FIFOs in Pipe mode, else, File and FastFile alike, as a folder of them."""
        name = channel["ChannelName"]
        place = host.folders.data / name
        piped = input_data_config(self._request)[name]["TrainingInputMode"] == "Pipe"
        staged = host.folders.root / "piped" / name if piped else place
        self._channels.stage(self._actor, channel, staged, (index, len(self._hosts)))
        if not piped:
            return
        fifo.make(str(place), 0)
        self._pipes[host.name].append(
            {
                "path": str(place),
                "files": sorted(str(path) for path in staged.rglob("*") if path.is_file()),
                "gzip": channel.get("CompressionType") == "Gzip",
                "seed": channel.get("ShuffleConfig", {}).get("Seed"),
            }
        )

    def _fetch_code(self, host: Host) -> None:
        program, uri = self._program()
        archives.unpack_source(self._actor, uri, host.folders.code)
        script = (host.folders.code / program).resolve()
        if not script.is_relative_to(host.folders.code.resolve()) or not script.is_file():
            raise TrainingError(f"ClientError: The source archive {uri} has no script {program!r}.")

    def _launches(self, max_runtime: float) -> list[dict[str, Any]]:
        """What each host's process is told; see process.py."""
        cpus = capacity.cpus(self._service.store, self._job)
        meeting = ports.free_ports(len(self._hosts)) if len(self._hosts) > 1 else []
        launches = []
        for index, host in enumerate(self._hosts):
            variables = self._platform_variables(host) | capacity.thread_variables(cpus)
            if meeting:
                variables["TF_CONFIG"] = ports.tf_config(meeting, index)
            argv, own = self._command(host, cpus)
            launch = {
                "host": host.name,
                "log": str(host.process.path.parent / LOG),
                "argv": argv,
                "env": variables | own | self._request.get("Environment", {}),
                "cwd": str(host.folders.code),
                "pipes": self._pipes[host.name],
                "max_runtime_seconds": max_runtime,
                "stop_grace_seconds": STOP_GRACE_SECONDS,
            }
            launches.append(launch)
        return launches

    def _platform_variables(self, host: Host) -> dict[str, str]:
        settings = self._service.settings
        return environment.base_environment() | {
            "SAGEMAKER_BASE_DIR": str(host.folders.root),
            "TRAINING_JOB_NAME": self._job.name,
            "TRAINING_JOB_ARN": self._job.arn,
            "AWS_REGION": settings.region,
            "AWS_DEFAULT_REGION": settings.region,
            "AWS_ENDPOINT_URL": settings.endpoint_url,
            **self._actor.variables(),
        }

    def _command(self, host: Host, cpus: int) -> tuple[list[str], dict[str, str]]:
        """The container's own entry point, or a Python program of an archive, run as the toolkit in the images does."""
        algorithm = self._request["AlgorithmSpecification"]
        if not self._script_mode:
            return [*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", [])], {}
        program, uri = self._program()
        given = environment.user_hyperparameters(self._request.get("HyperParameters", {}))
        command = [program, *environment.arguments(given)]
        if (host.folders.code / requirements.FILE).exists():
            command = ["-I", requirements.__file__, str(host.process.path / "packages"), *command]
        variables = environment.toolkit_environment(
            self._request, host.name, host.folders, program=program, code_uri=uri, cpus=cpus
        )
        return [sys.executable, *command], variables | {"PYTHONPATH": str(host.folders.code)}

    def _program(self) -> tuple[str, str]:
        """The script's name in its archive, and the archive's s3:// address. Raises TrainingError."""
        given = self._request.get("HyperParameters", {})
        program = environment.toolkit_hyperparameter(given, "sagemaker_program")
        uri = environment.toolkit_hyperparameter(given, "sagemaker_submit_directory")
        if not program or not uri:
            raise TrainingError(
                "ClientError: The local SageMaker runs script mode: the hyperparameters sagemaker_program and "
                "sagemaker_submit_directory must name a script and its source archive."
            )
        return program, uri

    @property
    def _script_mode(self) -> bool:
        return "ContainerEntrypoint" not in self._request["AlgorithmSpecification"]


def log_path(service: Service, job: TrainingJob) -> Path:
    """The log that all hosts of a job write to."""
    return service.settings.jobs_folder / job.name / LOG
