"""The one loop that drives the service: lets the controller decide, then the runner act, whenever something changed."""

import logging
import threading

from local_sagemaker.service import Service
from local_sagemaker.training.runner import Runner
from local_sagemaker.tuning import controller
from local_sagemaker.tuning.ended import EndedTrials

logger = logging.getLogger(__name__)

_LONGEST_SLEEP = 1.0


class Engine:
    """A thread that advances every active job until it is closed."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._runner = Runner(service)
        self._ended = EndedTrials(service.store)
        self._changed = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)
        service.wake = self._changed.set

    def start(self) -> None:
        """Take up what the store holds and go on from there."""
        self._thread.start()

    def close(self) -> None:
        """Stop the loop, then every training process."""
        self._closing = True
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._runner.close()

    def _loop(self) -> None:
        while not self._closing:
            self._changed.clear()
            self._look()
            self._changed.wait(_LONGEST_SLEEP)

    def _look(self) -> None:
        """Decide, then act; what was decided before is acted on even where the controller meets a fault."""
        for step in (self._decide, self._runner.take_up):
            try:
                step()
            except Exception:
                logger.exception("The engine met a fault; it looks again in a second.")

    def _decide(self) -> None:
        controller.advance(self._service, self._ended)
