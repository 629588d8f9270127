"""One training job's life, from Starting to its end, in as many attempts as its rules allow.

It may begin anywhere: what the job's folder and its record hold says how far it came, so a service that was killed
adopts the processes that still run and runs again the ones that do not: no job is lost with the service, unless it
is lost MOST_SERVICE_RESTARTS times, when it may well be the one that takes the service down.
"""

import logging
import shutil
import threading
import time

from local_sagemaker.errors import TrainingError
from local_sagemaker.records import TrainingJob
from local_sagemaker.service import Service
from local_sagemaker.training import archives, failure, faults, states
from local_sagemaker.training.attempt import Attempt, Host, hosts_of, log_path
from local_sagemaker.training.channels import ChannelCache
from local_sagemaker.training.launch import Exit
from local_sagemaker.training.logs import JobLog, last_lines
from local_sagemaker.training.warm_pool import WarmPool

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_LOST_SECONDS = 5
_CLEARING_SECONDS = 10
MOST_SERVICE_RESTARTS = 10
_NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)


class _LostError(Exception):
    """A host's process is gone without a word; SageMaker calls it an InternalServerError."""


class _InterruptedError(Exception):
    """The job's spot instances were taken away."""


class _ClosingError(Exception):
    """The service ends; the job goes on when it starts again."""


class _NoTimeLeftError(Exception):
    """The job ends Stopped before its processes have started; the text says why."""

    def __init__(self, secondary: str, why: str) -> None:
        super().__init__(why)
        self.secondary = secondary


class Life:
    """Whatever of its life a job has not lived yet."""

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
        self._hosts = hosts_of(service, job)
        self._log_path = log_path(service, job)
        self._told: set[str] = set()
        self._missing_since: dict[str, float] = {}

    def run(self) -> None:
        """Live it. Raises TrainingError for a job that is to end Failed, when no process of it is left."""
        try:
            while not self._attempt():
                pass
        except _ClosingError:
            self._leave()
        except _NoTimeLeftError as end:
            logger.info("Training job %s is Stopped before it trains: %s", self._name, end)
            states.end(self._service, self._name, "Stopped", secondary=end.secondary)
            self._remove_directories()
        except Exception:
            self._clear()
            raise

    def _attempt(self) -> bool:
        """Go on with an attempt, or begin one; False where another has to follow."""
        try:
            if not self._under_way():
                self._begin()
            self._finish(self._follow())
        except _InterruptedError:
            self._end_attempt("Interrupted")
            return False
        except _LostError as lost:
            strategy = self._request.get("RetryStrategy", {})
            if states.restarts(self._job, states.RETRIED) >= strategy.get("MaximumRetryAttempts", 0):
                raise TrainingError(f"InternalServerError: {lost}") from None
            logger.info("Training job %s is tried again: %s", self._name, lost)
            self._end_attempt("Restarting")
            return False
        return True

    # Beginning

    def _under_way(self) -> bool:
        """Whether every process of an attempt runs or has told how it ended, or one has told that it failed."""
        looks = [(host.process.running(), host.process.exit()) for host in self._hosts]
        return all(running or ended for running, ended in looks) or any(ended and ended.failed for _, ended in looks)

    def _begin(self) -> None:
        self._clear()
        self._note_loss()
        self._await_capacity()
        self._reset()
        states.move(self._service, self._name, "Downloading", started=self._job.started or self._service.now())
        attempt = Attempt(self._service, self._job, self._hosts, self._channels)
        attempt.lay_out()
        left = self._seconds_left()
        states.move(self._service, self._name, "Training")
        attempt.start(self._pool, left)

    def _note_loss(self) -> None:
        """Record that processes were lost while the service did not run; a download is just begun again."""
        job = self._job
        if job.status == "Stopping" or not states.has_trained(job):
            return
        lost = states.restarts(job, states.SERVICE_KILLED)
        if lost >= MOST_SERVICE_RESTARTS:
            raise TrainingError(f"InternalServerError: The service was killed {lost + 1} times while the job ran.")
        logger.info("Training job %s begins again: its processes were lost with the service.", self._name)
        states.move(self._service, self._name, "Restarting", message=states.SERVICE_KILLED)

    def _reset(self) -> None:
        """An empty folder. The log and its metrics stay where checkpoints let a job go on from where it was."""
        for host in self._hosts:
            shutil.rmtree(host.process.path, ignore_errors=True)
        if "CheckpointConfig" not in self._request:
            self._log_path.unlink(missing_ok=True)
            self._service.store.forget_log(self._name, self._service.now())
        self._told.clear()
        self._missing_since.clear()

    def _await_capacity(self) -> None:
        while fault := faults.due(self._service.settings.faults, faults.CAPACITY, self._job):
            if not self._spot:
                raise TrainingError(_NO_CAPACITY)
            states.move(self._service, self._name, "Pending")
            until = time.monotonic() + fault.after_seconds
            while time.monotonic() < until:
                self._seconds_left()
                self._closing.wait(_LOOK_SECONDS)
        self._seconds_left()

    def _seconds_left(self) -> float:
        """What remains of MaxRuntimeInSeconds, which counts the training of all attempts."""
        job = self._job
        if self._closing.is_set():
            raise _ClosingError
        if job.status == "Stopping":
            raise _NoTimeLeftError("Stopped", "it was asked to stop.")
        if waited := self._waited_too_long():
            raise _NoTimeLeftError("MaxWaitTimeExceeded", waited)
        left = self._longest_runtime - states.seconds_trained(job)
        if left <= 0:
            raise _NoTimeLeftError("MaxRuntimeExceeded", self._trained_too_long())
        return left

    # Following

    def _follow(self) -> dict[str, Exit]:
        """Read the log until every process has ended, or one has failed: how each one ended, by host."""
        log = JobLog(self._service, self._job, self._log_path)
        while True:
            exits = {host.name: ended for host in self._hosts if (ended := host.process.exit())}
            log.read_on()
            if len(exits) == len(self._hosts) or any(ended.failed for ended in exits.values()):
                self._look_for_cause(exits)
                self._clear()
                log.read_on()
                return exits
            if self._closing.is_set():
                raise _ClosingError
            for host in self._hosts:
                host.checkpoints.push_if_due()
            job = self._job
            self._obey(job)
            self._strike(job)
            self._look_for_lost(exits)
            self._closing.wait(_LOOK_SECONDS)

    def _obey(self, job: TrainingJob) -> None:
        """Stop the processes if the user, or the end of the waiting time, wants it."""
        why = "it was asked to stop." if job.status == "Stopping" else self._waited_too_long()
        for host in self._hosts if why else ():
            if host.name not in self._told and host.process.stop():
                logger.info("Training job %s is being stopped on %s: %s", self._name, host.name, why)
                self._told.add(host.name)

    def _strike(self, job: TrainingJob) -> None:
        """Let the faults happen that LOCAL_SAGEMAKER_FAULTS asks for."""
        given = self._service.settings.faults
        for kind, error in ((faults.SPOT, _InterruptedError), (faults.INTERNAL, _LostError)):
            fault = faults.due(given, kind, job) if kind == faults.INTERNAL or self._spot else None
            if fault and self._service.now() - job.transitions[-1].started >= fault.after_seconds:
                raise error(f"{faults.VARIABLE} asks for it.")

    def _look_for_cause(self, exits: dict[str, Exit]) -> None:
        """A host that fails may do so because another one's process is gone without a word: then that is what happened.

        Raises _LostError. Looks for the process before its exit, which is told before the process goes.
        """
        gone = [host for host in self._hosts if host.name not in exits and not host.process.running()]
        for host in gone:
            if host.process.exit() is None:
                raise _LostError(_killed(host))

    def _look_for_lost(self, exits: dict[str, Exit]) -> None:
        for host in self._hosts:
            if host.name in exits or host.process.running():
                self._missing_since.pop(host.name, None)
            elif time.monotonic() - self._missing_since.setdefault(host.name, time.monotonic()) > _LOST_SECONDS:
                raise _LostError(_killed(host))

    # Ending

    def _end_attempt(self, secondary: str) -> None:
        self._clear()
        self._push_checkpoints()
        for host in self._hosts:
            host.process.forget_exit()
        states.move(self._service, self._name, secondary)

    def _finish(self, exits: dict[str, Exit]) -> None:
        service = self._service
        self._push_checkpoints()
        failed = [host for host in self._hosts if host.name in exits and exits[host.name].failed]
        stopped = any(ended.stopped for ended in exits.values())
        timed_out = any(ended.timed_out for ended in exits.values())
        if failed and not stopped and not timed_out:
            states.end(service, self._name, "Failed", reason=self._reason(failed, exits))
        else:
            states.move(service, self._name, "Uploading")
            self._upload()
            if stopped:
                asked = self._job.status == "Stopping"
                states.end(service, self._name, "Stopped", secondary=None if asked else "MaxWaitTimeExceeded")
            elif timed_out:
                logger.info("Training job %s is Stopped: %s", self._name, self._trained_too_long())
                states.end(service, self._name, "Stopped", secondary="MaxRuntimeExceeded")
            else:
                states.end(service, self._name, "Completed")
        self._remove_directories()

    def _upload(self) -> None:
        actor = self._service.actor(self._request["RoleArn"])
        archives.upload_artifacts(actor, self._request, [host.folders for host in self._hosts])

    def _reason(self, failed: list[Host], exits: dict[str, Exit]) -> str:
        first = min(failed, key=lambda host: host.process.ended_at())
        said = last_lines(self._log_path, first.name)
        where = first.name if len(self._hosts) > 1 else None
        return failure.reason(first.folders, exits[first.name].code, said, first.process.command(), where)

    def _push_checkpoints(self) -> None:
        for host in self._hosts:
            host.checkpoints.push_all()

    def _remove_directories(self) -> None:
        for host in self._hosts:
            shutil.rmtree(host.folders.root, ignore_errors=True)

    def _leave(self) -> None:
        """The service ends: what is being stopped goes on saving its model, all else begins again with the service."""
        job = self._job
        if job.status == "Stopping":
            self._obey(job)
            return
        self._clear()
        if states.has_trained(job):
            states.move(self._service, self._name, "Restarting", message=states.SERVICE_STOPPED)

    def _clear(self) -> None:
        """End every process of the job at once, also one that is just starting, and wait until it is gone."""
        until = time.monotonic() + _CLEARING_SECONDS
        while any(host.process.abandon() for host in self._hosts) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS / 2)
        for host in self._hosts:
            host.process.sweep()

    # What the store says

    @property
    def _job(self) -> TrainingJob:
        job = self._service.store.training_job(self._name)
        assert job is not None
        return job

    @property
    def _spot(self) -> bool:
        return bool(self._request.get("EnableManagedSpotTraining"))

    @property
    def _longest_runtime(self) -> float:
        longest: float = self._request["StoppingCondition"].get("MaxRuntimeInSeconds", states.DEFAULT_MAX_RUNTIME)
        return longest

    def _waited_too_long(self) -> str | None:
        """The sentence that says so where a spot job's time is over."""
        longest = self._request["StoppingCondition"].get("MaxWaitTimeInSeconds")
        passed = self._service.now() - self._created
        if not self._spot or longest is None or passed <= longest:
            return None
        return f"it was created {passed:.1f} s ago, and MaxWaitTimeInSeconds is {longest}."

    def _trained_too_long(self) -> str:
        trained = states.seconds_trained(self._job) + states.seconds_training(self._job, self._service.now())
        return f"it has trained for {trained:.1f} s, and MaxRuntimeInSeconds is {self._longest_runtime}."


def _killed(host: Host) -> str:
    return f"The training process of {host.name} was killed from outside."
