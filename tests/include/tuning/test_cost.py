from include.tuning.cost import longest_wait
from tests.include.tuning.jobs import PARAMS, STUDY


def test_a_job_may_take_as_long_as_its_trials_one_after_another() -> None:
    hours = {"jobs": 9, "parallel_jobs": 3, "max_runtime_minutes": 60, "spot": False}
    assert longest_wait(STUDY, PARAMS | hours) == 3 * 2 * 3600
    assert longest_wait(STUDY, PARAMS | hours | {"spot": True, "spot_wait_minutes": 60}) == 3 * 3 * 3600
    assert longest_wait(STUDY, PARAMS | hours | {"jobs": 100, "parallel_jobs": 2}) > 90 * 3600
