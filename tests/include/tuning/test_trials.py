from typing import Any

from botocore.exceptions import EndpointConnectionError

from include.tuning.trials import Trial, describe_failures, leaderboard, list_trials, progress


def trial(name: str, value: float | None, status: str = "Completed") -> Trial:
    return Trial(name, status, value, 1.0, {}, "")


def test_the_best_comes_first_whichever_way_the_objective_points() -> None:
    trials = [trial("a", 0.3), trial("b", None), trial("c", 0.1), trial("d", 0.0, "Failed"), trial("e", 0.2, "Stopped")]
    assert [t.training_job for t in leaderboard(trials, "Minimize")] == ["c", "e", "a", "b", "d"]
    assert [t.training_job for t in leaderboard(trials, "Maximize")] == ["a", "e", "c", "b", "d"]


def describe(**changes: Any) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobStatus": "InProgress",
        "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxNumberOfTrainingJobs": 9}},
        "TrainingJobStatusCounters": {
            "Completed": 3,
            "InProgress": 2,
            "RetryableError": 0,
            "NonRetryableError": 1,
            "Stopped": 1,
        },
    } | changes


def test_progress_is_one_line_with_the_best_so_far() -> None:
    assert progress(describe()) == "InProgress: 5 of 9 trials done, 2 running, 1 failed; no metric yet"
    metric = {"MetricName": "loss", "Value": 0.0561234567}
    best = {"TrainingJobName": "job-003", "FinalHyperParameterTuningJobObjectiveMetric": metric}
    assert progress(describe(BestTrainingJob=best)).endswith("best loss 0.0561235 (job-003)")


def test_progress_of_a_job_that_has_just_begun() -> None:
    begun = describe(TrainingJobStatusCounters={}, BestTrainingJob=None)
    assert progress(begun) == "InProgress: 0 of 9 trials done, 0 running, 0 failed; no metric yet"


class OneFailedTrial:
    """SageMaker's answer about one failed trial, and logs that can't be reached."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def list_training_jobs_for_hyper_parameter_tuning_job(self, **_: Any) -> dict[str, Any]:
        summary = {"TrainingJobName": "job-001", "TrainingJobStatus": "Failed", "TunedHyperParameters": {}}
        return {"TrainingJobSummaries": [summary | {"FailureReason": self._reason}]}

    def describe_log_streams(self, **_: Any) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="logs")


def test_a_long_reason_loses_its_middle_and_keeps_the_exit_code() -> None:
    reason = f'AlgorithmError: ExecuteUserScriptError: ExitCode -9 ErrorMessage "{"x" * 900}", exit code: -9'
    answers = OneFailedTrial(reason)
    said = describe_failures(list_trials(answers, "job"), answers)
    assert said.startswith("job-001: AlgorithmError: ExecuteUserScriptError: ExitCode -9")
    assert " ... xxx" in said
    assert ", exit code: -9 (log group /aws/sagemaker/TrainingJobs, stream job-001/...)" in said
    assert len(said) < 400
