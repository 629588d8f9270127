"""The exceptions of the training script: faults of the job's settings, data or hosts, never bugs.

The text of each is one sentence: what happened, where, the value, and what to do. `mnist.py` shows that sentence
without a traceback and writes it to `output/failure`. Any other exception is a bug and keeps its traceback.
"""


class TrainingError(Exception):
    """Ends the job with exit code 1 and its own text as the reason."""


class HyperparameterError(TrainingError):
    """A hyperparameter is unknown, is not of its type, is out of bounds, or does not suit the hosts."""


class DataError(TrainingError):
    """A channel is missing, holds no shards, or holds records of another kind."""


class DivergedError(TrainingError):
    """The loss is no longer a number, or has grown out of all proportion."""


class CheckpointError(TrainingError):
    """The checkpoints found belong to another network, or the hosts found different ones."""


class ClusterError(TrainingError):
    """The description of the hosts is wrong, or a host was lost while training."""
