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
