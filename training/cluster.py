"""The devices and hosts that train together: which tf.distribute strategy, and what its hosts agree on.

One device needs no strategy, several GPUs of one host share each batch (MirroredStrategy), and several hosts do
(MultiWorkerMirroredStrategy). Must be connected before the first TensorFlow operation of the process.
"""

import contextlib
import dataclasses
import faulthandler
import functools
import json
import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from environment import Environment, write_failure
from errors import CheckpointError, ClusterError, HyperparameterError

PORT = 8890  # where sagemaker-tensorflow-training lets the hosts meet
MEETING_SECONDS = 600.0  # TensorFlow itself waits an hour for a host that never comes

# What TensorFlow raises on the others when a host dies or cannot be reached.
LOST_HOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The strategy, and this host's place among the hosts."""

    strategy: Any
    hosts: int = 1
    is_chief: bool = True

    @property
    def local_replicas(self) -> int:
        """Devices of this host that share its batches."""
        return int(self.strategy.num_replicas_in_sync) // self.hosts

    def check_batch_size(self, batch_size: int) -> None:
        """Raises HyperparameterError unless the devices can share a batch evenly."""
        replicas = self.strategy.num_replicas_in_sync
        if batch_size % replicas:
            raise HyperparameterError(
                f"batch_size={batch_size} cannot be shared by {replicas} devices: give a multiple"
            )

    def any_host(self, flag: bool) -> bool:
        """Whether any host says yes. Every host must ask at the same step; also serves as a barrier."""
        return flag if self.hosts == 1 else self._sum(float(flag)) > 0

    def check_same_step(self, step: int) -> None:
        """Raises CheckpointError unless all hosts resume from the same step."""
        # Two halves: a float32 holds whole numbers up to 2**24 only.
        halves = divmod(step, 2**16)
        if self.hosts > 1 and [self._sum(float(half)) for half in halves] != [half * self.hosts for half in halves]:
            raise CheckpointError(
                f"the hosts resume from different steps, this one from {step}: give all the same checkpoints"
            )

    def _sum(self, value: float) -> float:
        return float(self._sum_over_hosts(tf.constant(value, tf.float32)))

    @functools.cached_property
    def _sum_over_hosts(self) -> Any:
        @tf.function  # type: ignore[untyped-decorator]
        def total(number: Any) -> Any:
            parts = self.strategy.run(lambda: number / self.local_replicas)
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None)

        return total


def connect(environment: Environment) -> Cluster:
    """This job's Cluster. TF_CONFIG, if set, has the last word.

    Waits for the other hosts, if there are any; ends the process with a reason if they do not come.
    """
    if len(environment.hosts) > 1:
        os.environ.setdefault("TF_CONFIG", json.dumps(tf_config(environment)))
    if os.environ.get("TF_CONFIG"):
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        hosts = sum(len(addresses) for addresses in resolver.cluster_spec().as_dict().values())
        if hosts > 1:
            with _not_waiting_for_ever(environment, hosts), reporting_lost_hosts(hosts):
                strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
            first = resolver.task_type == "chief" or "chief" not in resolver.cluster_spec().jobs
            return Cluster(strategy, hosts, is_chief=first and resolver.task_id == 0)
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return Cluster(tf.distribute.MirroredStrategy())
    return Cluster(tf.distribute.get_strategy())


@contextlib.contextmanager
def _not_waiting_for_ever(environment: Environment, hosts: int) -> Iterator[None]:
    """Ends the process after MEETING_SECONDS with a reason in the failure file.

    TensorFlow keeps Python's lock while it waits for the hosts, so no Python code could end it or say anything then:
    faulthandler's thread needs none, and the reason is written beforehand and taken back once the hosts have met.
    """
    written = write_failure(
        environment.base,
        f"the {hosts} hosts have not met within {MEETING_SECONDS:g} s: see the logs of the others, and whether this "
        f"host can reach them at the addresses in TF_CONFIG={os.environ['TF_CONFIG']}",
    )
    faulthandler.dump_traceback_later(MEETING_SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        written.unlink()


def tf_config(environment: Environment) -> dict[str, Any]:
    """TF_CONFIG as sagemaker-tensorflow-training writes it for hosts that are all workers."""
    workers = [f"{host}:{PORT}" for host in environment.hosts]
    task = {"type": "worker", "index": environment.hosts.index(environment.current_host)}
    return {"cluster": {"worker": workers}, "environment": "cloud", "task": task}


def use_threads(cpus: int | None) -> None:
    """Keeps TensorFlow to the CPUs that the job was given, which need not be all of the machine's."""
    if cpus:
        tf.config.threading.set_intra_op_parallelism_threads(cpus)
        tf.config.threading.set_inter_op_parallelism_threads(cpus)


@contextlib.contextmanager
def reporting_lost_hosts(hosts: int) -> Iterator[None]:
    """Turns what TensorFlow raises when another of several hosts dies into a ClusterError."""
    try:
        yield
    except LOST_HOST as error:
        if hosts == 1:
            raise
        kind = type(error).__name__
        remedy = "see the logs of the others; started again, the job goes on from its checkpoints"
        raise ClusterError(f"lost one of the {hosts} hosts ({kind}): {remedy}") from error
