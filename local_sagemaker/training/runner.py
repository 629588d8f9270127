"""Takes every active training job of the store through its life, one thread a job.

A job's thread may begin anywhere: it looks at the job's folder and goes on from what it finds there, so a service that
was killed adopts the processes that still run and runs again the ones that do not.
"""

import logging
import shutil
import sys
import threading
from collections import deque
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_sagemaker.errors import TrainingError
from local_sagemaker.records import TrainingJob
from local_sagemaker.service import Service
from local_sagemaker.training import archives, environment, failure, states, warm_pool
from local_sagemaker.training.channels import ChannelCache
from local_sagemaker.training.launch import Exit, ProcessFolder
from local_sagemaker.training.logs import LogStream, read_lines, stream_name
from local_sagemaker.training.metrics import MetricReader
from local_sagemaker.training.opt_ml import OptMl
from local_sagemaker.training.warm_pool import WarmPool

logger = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 120
_DEFAULT_MAX_RUNTIME = 86_400
_LOOK_SECONDS = 0.1
_KEPT_LINES = 50


class Runner:
    """The threads of the jobs that are under way in this process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._channels = ChannelCache(service.settings.state / "channels", service.s3)
        self._pool = WarmPool(service.settings.state / "warm-pool.log")
        self._threads: dict[str, threading.Thread] = {}
        self._closing = threading.Event()

    def take_up(self) -> None:
        """Give every active job that has no thread yet one of its own."""
        self._threads = {name: thread for name, thread in self._threads.items() if thread.is_alive()}
        for job in self._service.store.training_jobs(("InProgress", "Stopping")):
            if job.name not in self._threads:
                thread = threading.Thread(target=self._run, args=(job.name,), name=job.name, daemon=True)
                self._threads[job.name] = thread
                thread.start()

    def close(self) -> None:
        """End every training process at once; their jobs run again when the service starts again."""
        self._closing.set()
        for thread in self._threads.values():
            thread.join(timeout=10)
        self._pool.close()

    def _run(self, name: str) -> None:
        service = self._service
        job = service.store.training_job(name)
        assert job is not None
        try:
            _Life(service, job, self._channels, self._pool, self._closing).run()
        except TrainingError as error:
            states.end(service, name, "Failed", reason=str(error))
        except Exception as error:
            if self._closing.is_set():
                return
            logger.exception("Training job %s ended by a fault of the service.", name)
            states.end(service, name, "Failed", reason=f"InternalServerError: {error}")
        service.wake()


class _Life:
    """One job from Starting to its end."""

    def __init__(
        self,
        service: Service,
        job: TrainingJob,
        channels: ChannelCache,
        pool: WarmPool,
        closing: threading.Event,
    ) -> None:
        self._service, self._name, self._request = service, job.name, job.request
        self._created = job.created
        self._channels, self._pool, self._closing = channels, pool, closing
        folder = service.settings.jobs_folder / job.name
        self._folders = OptMl(folder / "opt_ml")
        self._process = ProcessFolder(folder)
        self._tail: deque[str] = deque(maxlen=_KEPT_LINES)
        self._command: list[str] = []

    def run(self) -> None:
        """Whatever of its life the job has not lived yet."""
        if self._process.exit() is None and not self._process.running():
            if self._stopping():
                states.end(self._service, self._name, "Stopped")
                return
            self._start()
        ended = self._follow()
        if ended is not None:
            self._finish(ended)

    def _start(self) -> None:
        shutil.rmtree(self._process.path, ignore_errors=True)
        self._process.path.mkdir(parents=True)
        self._service.store.forget_log(self._name, self._service.now())
        self._folders.create(self._request)
        states.move(self._service, self._name, "Downloading", started=self._service.now())
        for channel in self._request.get("InputDataConfig", []):
            folder = self._channels.stage(channel)
            (self._folders.data / channel["ChannelName"]).symlink_to(folder, target_is_directory=True)
        launch = self._launch()
        states.move(self._service, self._name, "Training")
        self._process.prepare(launch)
        image = self._request["AlgorithmSpecification"].get("TrainingImage", "")
        warm = self._script_mode and warm_pool.fits(image, self._request.get("Environment", {}), self._folders.code)
        if not (warm and self._pool.start(self._process.path)):
            self._process.start()

    def _launch(self) -> dict[str, Any]:
        given = self._request.get("HyperParameters", {})
        settings = self._service.settings
        variables = environment.base_environment() | {
            "SAGEMAKER_BASE_DIR": str(self._folders.root),
            "TRAINING_JOB_NAME": self._name,
            "TRAINING_JOB_ARN": self._service.arn("training-job", self._name),
            "AWS_REGION": settings.region,
            "AWS_DEFAULT_REGION": settings.region,
            "AWS_ENDPOINT_URL": settings.endpoint_url,
            "AWS_ACCESS_KEY_ID": settings.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": settings.credentials.secret_key,
        }
        if not self._script_mode:
            entrypoint = self._request["AlgorithmSpecification"]["ContainerEntrypoint"]
            argv = [*entrypoint, *self._request["AlgorithmSpecification"].get("ContainerArguments", [])]
        else:
            argv, variables = self._script(given, variables)
        self._command = argv
        return {
            "argv": argv,
            "env": variables | self._request.get("Environment", {}),
            "cwd": str(self._folders.code),
            "max_runtime_seconds": self._request["StoppingCondition"].get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME),
            "stop_grace_seconds": STOP_GRACE_SECONDS,
        }

    def _script(self, given: dict[str, str], variables: dict[str, str]) -> tuple[list[str], dict[str, str]]:
        """Script mode: a Python program of an archive, run as the toolkit in SageMaker's images does."""
        program = environment.toolkit_hyperparameter(given, "sagemaker_program")
        uri = environment.toolkit_hyperparameter(given, "sagemaker_submit_directory")
        if not program or not uri:
            raise TrainingError(
                "ClientError: The local SageMaker runs script mode: the hyperparameters sagemaker_program and "
                "sagemaker_submit_directory must name a script and its source archive."
            )
        archives.unpack_source(self._service.s3, uri, self._folders.code)
        script = (self._folders.code / program).resolve()
        if not script.is_relative_to(self._folders.code.resolve()) or not script.is_file():
            raise TrainingError(f"ClientError: The source archive {uri} has no script {program!r}.")
        argv = [sys.executable, program, *environment.arguments(environment.user_hyperparameters(given))]
        variables |= environment.toolkit_environment(self._request, self._folders, program, uri)
        return argv, variables | {"PYTHONPATH": str(self._folders.code)}

    def _follow(self) -> Exit | None:
        """Read the log until the process has ended; None where the service closes first."""
        service = self._service
        reader = MetricReader(self._request["AlgorithmSpecification"].get("MetricDefinitions", []))
        stream = LogStream(service.logs, stream_name(self._name, self._created))
        job = service.store.training_job(self._name)
        position = job.log_position if job else 0
        asked, missing = False, 0
        while True:
            ended = self._process.exit()
            lines, position = read_lines(self._process.log, position)
            if lines:
                self._tail.extend(text for _, text in lines)
                service.store.add_log_progress(self._name, position, reader.read(lines), service.now())
                self._ship(stream, lines)
            if ended is not None:
                return ended
            if self._closing.is_set():
                self._process.abandon()
                return None
            if not asked and self._stopping():
                self._process.stop()
                asked = self._process.running()
            missing = 0 if self._process.running() else missing + 1
            if missing * _LOOK_SECONDS > 5:
                raise TrainingError("InternalServerError: The training process was killed from outside.")
            self._closing.wait(_LOOK_SECONDS)

    def _ship(self, stream: LogStream, lines: list[tuple[float, str]]) -> None:
        try:
            stream.put(lines)
        except (ClientError, BotoCoreError):
            logger.warning("The log of %s did not reach CloudWatch Logs.", self._name, exc_info=True)

    def _finish(self, ended: Exit) -> None:
        service = self._service
        if ended.code != 0 and not ended.stopped and not ended.timed_out:
            reason = failure.reason(self._folders, ended.code, list(self._tail), self._command)
            states.end(service, self._name, "Failed", reason=reason)
        else:
            states.move(service, self._name, "Uploading")
            archives.upload_artifacts(service.s3, self._request, self._folders)
            if ended.stopped:
                states.end(service, self._name, "Stopped")
            elif ended.timed_out:
                states.end(service, self._name, "Stopped", secondary="MaxRuntimeExceeded")
            else:
                states.end(service, self._name, "Completed")
        shutil.rmtree(self._folders.root, ignore_errors=True)

    @property
    def _script_mode(self) -> bool:
        return "ContainerEntrypoint" not in self._request["AlgorithmSpecification"]

    def _stopping(self) -> bool:
        job = self._service.store.training_job(self._name)
        return job is not None and job.status == "Stopping"
