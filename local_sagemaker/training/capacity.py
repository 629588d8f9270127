"""How many training processes run at once on this machine, and how much of it each may use: its fair share at most."""

import os
import re
from collections.abc import Sequence, Set
from typing import Any

from local_sagemaker.records import ACTIVE, TrainingJob
from local_sagemaker.store import Store
from local_sagemaker.training import states

_PER_XLARGE = 4
_LEAST = 2
_PROCESSES_PER_CPU = 2
_LEAST_PROCESSES = 4
_SMALL = {"medium": 2, "large": 2, "xlarge": _PER_XLARGE}


def instance_cpus(instance_type: str) -> int:
    """The vCPUs of an instance type by its size: 4 an xlarge, of which the few exceptions exceed a machine anyway."""
    size = instance_type.rpartition(".")[2]
    multiple = re.fullmatch(r"(\d+)xlarge", size)
    return _PER_XLARGE * int(multiple[1]) if multiple else _SMALL.get(size, _PER_XLARGE)


def machine_cpus() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_processes() -> int:
    """How many training processes run at once unless the service is told otherwise: two a core, four at least."""
    return max(_LEAST_PROCESSES, _PROCESSES_PER_CPU * machine_cpus())


def admitted(active: Sequence[TrainingJob], running: Set[str], limit: int, now: float) -> list[TrainingJob]:
    """The jobs among the active ones, oldest first, that may begin beside those that run, up to `limit` processes.

    The others wait in their turn, behind a job of many hosts as well; one of more hosts than `limit` runs alone. What
    was under way before the service was killed goes on at once, and what only has to end does so.
    """
    used = sum(_instances(job.request) for job in active if job.name in running)
    found, full = [], False
    for job in active:
        if job.name in running:
            continue
        if _waits(job, now):
            full = full or (used > 0 and used + _instances(job.request) > limit)
            if full:
                continue
        found.append(job)
        used += _instances(job.request)
    return found


def _waits(job: TrainingJob, now: float) -> bool:
    longest = job.request["StoppingCondition"].get("MaxWaitTimeInSeconds")
    over = longest is not None and now > job.created + longest
    return job.status == "InProgress" and not states.has_begun(job) and not over


def cpus(store: Store, job: TrainingJob) -> int:
    """The CPUs of each of a job's hosts: the instance's, at most the machine's shared evenly, but not below two.

    A trial shares with all that its tuning job may run at once, so that every trial of it trains alike; any other
    job shares with the jobs that run as it starts. More hosts than cores take turns.
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
