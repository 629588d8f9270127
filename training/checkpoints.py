"""Checkpoints of the variables, so that an interrupted job goes on where it was. Not the exported model."""

import dataclasses
import json
from pathlib import Path

import tensorflow as tf

from errors import CheckpointError
from hyperparameters import Hyperparameters
from model import ModelParams

KEPT = 2
# A job may go on with other values of these; of all others it would not be the same training.
FREE = ("training_steps", "evaluation_steps", "evaluate_every")


class Checkpoints:
    """The newest checkpoints of one training in a folder; `hyperparameters.json` there says of which."""

    def __init__(self, folder: Path, params: ModelParams, hyperparameters: Hyperparameters, *, writes: bool) -> None:
        self._note = folder / "hyperparameters.json"
        self._hyperparameters = dataclasses.asdict(hyperparameters)
        self._writes = writes
        self._step = params.optimizer.iterations
        # The variables of Keras one by one: the state of the dropout's random numbers is among them.
        state = [variable.value for variable in (*params.network.variables, *params.optimizer.variables)]
        self._checkpoint = tf.train.Checkpoint(state=state)
        self._manager = tf.train.CheckpointManager(self._checkpoint, str(folder), max_to_keep=KEPT)

    def restore(self) -> int:
        """Restores the newest checkpoint and returns its step; 0 if there is none.

        Raises CheckpointError if it was written with other hyperparameters.
        """
        if self._manager.latest_checkpoint is None:
            return 0
        self._refuse_others()
        self._checkpoint.restore(self._manager.latest_checkpoint).assert_consumed()
        return int(self._step.numpy())

    def save(self, step: int) -> None:
        """Writes a checkpoint unless the newest one is of this step already. Only the chief writes."""
        newest = self._manager.latest_checkpoint
        if not self._writes or (newest or "").endswith(f"-{step}"):
            return
        self._note.parent.mkdir(parents=True, exist_ok=True)
        self._note.write_text(json.dumps(self._hyperparameters, indent=2) + "\n")
        self._manager.save(checkpoint_number=step)

    def _refuse_others(self) -> None:
        before = json.loads(self._note.read_text()) if self._note.is_file() else {}
        for name, value in self._hyperparameters.items():
            if name not in FREE and before.get(name, value) != value:
                raise CheckpointError(
                    f"{self._note.parent} holds checkpoints of {name}={before[name]}, this job has {name}={value}: "
                    "give the job the same value or another checkpoint path"
                )
