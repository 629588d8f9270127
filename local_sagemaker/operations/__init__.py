"""SageMaker's operations that this service has: name -> function of the service and the request's members."""

from collections.abc import Callable
from typing import Any

from local_sagemaker.operations import tags, training_jobs, tuning_jobs
from local_sagemaker.service import Service

Operation = Callable[[Service, dict[str, Any]], dict[str, Any] | None]

OPERATIONS: dict[str, Operation] = {
    "CreateHyperParameterTuningJob": tuning_jobs.create,
    "DescribeHyperParameterTuningJob": tuning_jobs.describe,
    "ListHyperParameterTuningJobs": tuning_jobs.list_jobs,
    "StopHyperParameterTuningJob": tuning_jobs.stop,
    "DeleteHyperParameterTuningJob": tuning_jobs.delete,
    "ListTrainingJobsForHyperParameterTuningJob": tuning_jobs.list_trials,
    "CreateTrainingJob": training_jobs.create,
    "DescribeTrainingJob": training_jobs.describe,
    "ListTrainingJobs": training_jobs.list_jobs,
    "StopTrainingJob": training_jobs.stop,
    "DeleteTrainingJob": training_jobs.delete,
    "AddTags": tags.add,
    "ListTags": tags.list_tags,
}
