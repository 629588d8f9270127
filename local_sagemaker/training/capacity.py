"""How much of this machine a training job's host may use: what its instance has, but no more than its fair share."""

import os
import re
from typing import Any

from local_sagemaker.records import ACTIVE, TrainingJob
from local_sagemaker.store import Store

_PER_XLARGE = 4
_LEAST = 2
_SMALL = {"medium": 2, "large": 2, "xlarge": _PER_XLARGE}


def instance_cpus(instance_type: str) -> int:
    """The vCPUs of an instance type by its size: 4 an xlarge, of which the few exceptions exceed a machine anyway."""
    size = instance_type.rpartition(".")[2]
    multiple = re.fullmatch(r"(\d+)xlarge", size)
    return _PER_XLARGE * int(multiple[1]) if multiple else _SMALL.get(size, _PER_XLARGE)


def machine_cpus() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpus(store: Store, job: TrainingJob) -> int:
    """The CPUs of each of a job's hosts: the instance's, at most the machine's shared evenly, but not below two.

    A trial shares with all that its tuning job may run at once, so that every trial of it trains alike; any other
    job shares with the jobs that run as it starts. Nothing waits for a free core: more hosts than cores take turns.
    Two threads are the least because trials compute by fits and starts: for 3 trials of training/mnist.py on 2 cores
    one thread each saves no CPU time (12.4 s against 13.0 s in all), and leaves a core idle whenever a trial pauses or
    is the last. Pinning trials to cores (11.8 s to 13.1 s) loses in the same way.
    """
    sharing = max(_hosts_at_once(store, job), sum(_instances(other.request) for other in store.training_jobs(ACTIVE)))
    instance = instance_cpus(job.request["ResourceConfig"].get("InstanceType", ""))
    machine = machine_cpus()
    return min(instance, machine, max(_LEAST, machine // sharing))


def _hosts_at_once(store: Store, job: TrainingJob) -> int:
    tuning = store.tuning_job(job.tuning_job) if job.tuning_job else None
    limits = tuning.limits if tuning else {}
    parallel = min(limits.get("MaxParallelTrainingJobs", 1), limits.get("MaxNumberOfTrainingJobs", 1_000_000))
    return parallel * _instances(job.request)


def _instances(request: dict[str, Any]) -> int:
    count: int = request["ResourceConfig"].get("InstanceCount", 1)
    return count


def thread_variables(cpus: int) -> dict[str, str]:
    """What keeps a library to a host's CPUs that does not read SM_NUM_CPUS; TensorFlow reads its own at first use."""
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return dict.fromkeys(names, str(cpus))
