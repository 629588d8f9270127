"""The trials of a tuning job: what the next one tries, and the CreateTrainingJob that runs it."""

from collections.abc import Mapping, Sequence
from typing import Any

from local_sagemaker.records import TrainingJob, TuningJob
from local_sagemaker.training.states import OBJECTIVE_HYPERPARAMETER
from local_sagemaker.tuning import search, warm_start
from local_sagemaker.tuning.definitions import Definition, position, read_definitions, resource_config
from local_sagemaker.tuning.history import Evaluation, read_history

Parents = Mapping[str, tuple[TuningJob, Sequence[TrainingJob]]]
_INHERITED = (
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "VpcConfig",
    "Environment",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "CheckpointConfig",
    "RetryStrategy",
)
# Definitions of one job draw from seeds that are this far apart, so that equal spaces don't get equal trials.
_SEED_STRIDE = 1_000_003


def next_configuration(
    job: TuningJob, number: int, trials: Sequence[TrainingJob], parents: Parents
) -> tuple[Definition, dict[str, str]]:
    """The definition and the tuned values of trial `number`, given those before it and the parents' trials."""
    index, own_number = position(job.request, number)
    definition = read_definitions(job.request)[index]
    history = read_history(trials_of(job, index, trials), definition.objective)
    history = [*_inherited(job, definition, parents), *history]
    seed = job.seed + _SEED_STRIDE * index
    return definition, search.suggest(job.config["Strategy"], definition.space, seed, own_number, history)


def trials_of(job: TuningJob, index: int, trials: Sequence[TrainingJob]) -> list[TrainingJob]:
    """Those trials that follow definition number `index`."""
    if "TrainingJobDefinition" in job.request:
        return list(trials)
    return [trial for trial in trials if position(job.request, trial.trial)[0] == index]


def trial_request(definition: Definition, name: str, tuned: dict[str, str]) -> dict[str, Any]:
    """The CreateTrainingJob of a trial: the definition with the tuned values among its hyperparameters."""
    given = definition.request
    hyperparameters = {**definition.static, OBJECTIVE_HYPERPARAMETER: definition.objective["MetricName"], **tuned}
    return {key: given[key] for key in _INHERITED if key in given} | {
        "TrainingJobName": name,
        "AlgorithmSpecification": given["AlgorithmSpecification"],
        "HyperParameters": hyperparameters,
        "ResourceConfig": resource_config(given),
    }


def _inherited(job: TuningJob, definition: Definition, parents: Parents) -> list[Evaluation]:
    """What the parents' trials say: of the same objective, or of one that is only alike."""
    transfer = bool(parents) and job.request["WarmStartConfig"]["WarmStartType"] != warm_start.IDENTICAL
    found: list[Evaluation] = []
    for task, (parent, trials) in enumerate(parents.values(), start=1):
        other = read_definitions(parent.request)[0]
        found += warm_start.evaluations(definition, other, trials, task if transfer else 0)
    return found
