from typing import Any

from include.tuning.trials import Trial, leaderboard, progress


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
