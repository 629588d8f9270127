"""Takes every active training job of the store through its life, one thread a job."""

import logging
import threading

from local_sagemaker.errors import TrainingError
from local_sagemaker.records import ACTIVE
from local_sagemaker.service import Service
from local_sagemaker.training import capacity, states
from local_sagemaker.training.channels import ChannelCache
from local_sagemaker.training.life import Life
from local_sagemaker.training.warm_pool import WarmPool

logger = logging.getLogger(__name__)


class Runner:
    """The threads of the jobs that are under way in this process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._channels = ChannelCache(service.settings.state / "channels")
        self._pool = WarmPool(service.settings.state / "warm-pool.log")
        self._threads: dict[str, threading.Thread] = {}
        self._closing = threading.Event()

    def take_up(self) -> None:
        """Give every active job that has no thread yet, and for which there is room, one of its own."""
        self._threads = {name: thread for name, thread in self._threads.items() if thread.is_alive()}
        service = self._service
        active = service.store.training_jobs(ACTIVE)
        for job in capacity.admitted(active, set(self._threads), service.settings.max_processes, service.now()):
            thread = threading.Thread(target=self._run, args=(job.name,), name=job.name, daemon=True)
            self._threads[job.name] = thread
            thread.start()

    def close(self) -> None:
        """End every training process at once; their jobs run again when the service starts again."""
        self._closing.set()
        self._pool.close()
        for thread in self._threads.values():
            thread.join(timeout=15)

    def _run(self, name: str) -> None:
        service = self._service
        job = service.store.training_job(name)
        assert job is not None
        try:
            Life(service, job, self._channels, self._pool, self._closing).run()
        except Exception as error:
            if self._closing.is_set():
                return  # S3 ends first; the job goes on where it was when the service starts again
            self._fail(name, error)
        service.wake()

    def _fail(self, name: str, error: Exception) -> None:
        reason = str(error)
        if not isinstance(error, TrainingError):
            logger.exception("Training job %s ended by a fault of the service.", name)
            reason = f"InternalServerError: {error}"
        states.end(self._service, name, "Failed", reason=reason)
