import pytest

from include.errors import TuningParamsError
from include.tuning import params
from tests.include.tuning.jobs import PARAMS, STUDY


def test_the_tutorials_params_are_fine() -> None:
    params.check(PARAMS | {"jobs": 9}, STUDY)


def test_all_faults_are_told_at_once_in_one_line() -> None:
    wrong = {
        "learning_rate_min": 0.5,
        "jobs": 2,
        "parallel_jobs": 4,
        "bucket": "s3://Mine",
        "role": "arn:aws:iam::12:role",
        "prefix": "a//b",
    }
    with pytest.raises(TuningParamsError) as caught:
        params.check(PARAMS | wrong, STUDY)
    text = str(caught.value)
    assert len(caught.value.faults) == 5
    assert "\n" not in text
    assert text.startswith("5 faults in the Params: ")
    for part in ("learning_rate_min (0.5)", "parallel_jobs (4)", "'s3://Mine'", "'arn:aws:iam::12:role'", "'a//b'"):
        assert part in text


@pytest.mark.parametrize("role", ["", None, "SageMakerRole", "arn:aws-cn:iam::123456789012:role/service-role/Mine"])
def test_a_role_may_be_absent_a_name_or_an_arn(role: str | None) -> None:
    params.check(PARAMS | {"role": role}, STUDY)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"tune": []}, "tune is empty; name at least one of learning_rate, batch_size, optimizer"),
        ({"tune": ["rate"]}, "tune names 'rate'; there are learning_rate"),
        ({"strategy": "Grid"}, "strategy Grid takes categorical hyperparameters only; tune without learning_rate"),
        ({"strategy": "Hyperband", "early_stopping": True}, "early_stopping has to be off with the strategy Hyperband"),
        ({"strategy": "Hyperband", "evaluate_every": 10}, "change training_steps and evaluate_every"),
        ({"tags": {"aws:x": "y"}}, "tags: aws:x begins with aws:"),
        ({"tags": {str(n): "" for n in range(41)}}, "tags has 41 entries; give at most 40"),
    ],
)
def test_what_does_not_go_together_is_named_with_a_way_out(wrong: dict[str, object], fault: str) -> None:
    with pytest.raises(TuningParamsError) as caught:
        params.check(PARAMS | wrong, STUDY)
    assert fault in str(caught.value)


def test_grid_counts_no_trials() -> None:
    params.check(PARAMS | {"strategy": "Grid", "tune": ["optimizer"], "jobs": 1, "parallel_jobs": 2}, STUDY)


def test_a_run_that_may_cost_more_than_the_budget_is_refused_with_the_sum() -> None:
    params.check(PARAMS | {"jobs": 9, "budget_usd": 2.07}, STUDY)
    with pytest.raises(TuningParamsError) as caught:
        params.check(PARAMS | {"jobs": 9, "budget_usd": 2}, STUDY)
    assert "budget_usd (2) may not be enough: at most 2.07 USD: 9 trials x 1 ml.m5.xlarge x 1 h at 0.23 USD" in str(
        caught.value
    )


def test_a_budget_for_an_instance_without_a_price_is_refused() -> None:
    with pytest.raises(TuningParamsError, match=r"whose price the table of instance_prices\.json lacks"):
        params.check(PARAMS | {"instance_type": "ml.trn1.2xlarge", "budget_usd": 100}, STUDY)


def test_a_name_that_the_dag_does_not_have_is_refused_with_the_nearest_or_all_that_it_has() -> None:
    with pytest.raises(TuningParamsError) as caught:
        params.check(PARAMS | {"jobz": 1, "q": 2}, STUDY, known=PARAMS)
    assert "2 faults in the Params: the DAG has no Param 'jobz'; the nearest is jobs; " in str(caught.value)
    assert f"the DAG has no Param 'q'; there are {', '.join(sorted(PARAMS))}" in str(caught.value)


def test_more_trials_than_combinations_are_refused() -> None:
    words = PARAMS | {"tune": ["optimizer"], "jobs": 3, "parallel_jobs": 1}
    with pytest.raises(TuningParamsError, match=r"jobs \(3\) is above the 2 combinations of what is tuned"):
        params.check(words, STUDY)
    params.check(words | {"jobs": 2}, STUDY)
    with pytest.raises(TuningParamsError, match=r"parallel_jobs \(3\) is above the 2 combinations"):
        params.check(words | {"strategy": "Grid", "parallel_jobs": 3}, STUDY)
    narrow = {"tune": ["optimizer", "batch_size"], "batch_size_min": 32, "batch_size_max": 33, "jobs": 5}
    with pytest.raises(TuningParamsError, match=r"jobs \(5\) is above the 4 combinations"):
        params.check(PARAMS | narrow, STUDY)


def test_several_instances_share_a_batch_evenly() -> None:
    params.check(PARAMS | {"instance_count": 2}, STUDY)
    with pytest.raises(TuningParamsError, match=r"batch_size \(100\) can't be shared by 3 instances; give a multiple"):
        params.check(PARAMS | {"instance_count": 3}, STUDY)
    with pytest.raises(TuningParamsError, match="batch_size can't be tuned with instance_count above 1"):
        params.check(PARAMS | {"instance_count": 2, "tune": ["batch_size"]}, STUDY)
