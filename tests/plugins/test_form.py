import pytest

from include.errors import TuningParamsError
from sagemaker_tuning.form import fill


def test_an_empty_form_has_the_dags_defaults() -> None:
    form = fill("mnist_tuning", "")
    assert form.dag_id == "mnist_tuning"
    assert (form.params["jobs"], form.params["learning_rate_max"]) == (9, 0.2)
    assert form.study.entry_point == "mnist.py"


def test_what_is_put_in_stays_in_that_form() -> None:
    assert fill("mnist_tuning", '{"jobs": 3, "bucket": "mine"}').params["jobs"] == 3
    assert fill("mnist_tuning", "{}").params["jobs"] == 9
    assert fill("mnist_tuning", "{}").params["bucket"] == ""


@pytest.mark.parametrize(
    ("dag", "given", "says"),
    [
        ("mnist_tuning", "{jobs: 3}", "PARAMS='{jobs: 3}' is not JSON: "),
        ("mnist_tuning", "[3]", r"PARAMS='\[3\]' is no JSON object, such as"),
        ("mnist_tuning", '{"job": 3}', "the DAG has no Param 'job'; the nearest is jobs"),
        ("mnist_tuning", '{"jobs": 0}', "jobs: 0 is less than the minimum of 1"),
        ("mnist_tuning", '{"jobs": 1, "parallel_jobs": 2}', r"parallel_jobs \(2\) is above jobs \(1\)"),
        ("no_such_dag", "{}", "there is no DAG no_such_dag: "),
    ],
)
def test_what_no_run_would_take_is_one_line(dag: str, given: str, says: str) -> None:
    with pytest.raises(TuningParamsError, match=says) as refused:
        fill(dag, given)
    assert "\n" not in str(refused.value)
