"""Which ways a run can end without a best model, and which of them the teardown tells from a success."""

import pytest

from include.tuning.cost import longest_wait
from sagemaker_tuning import tuning_tasks
from tests.include.tuning.jobs import PARAMS, STUDY


@pytest.mark.parametrize(
    ("states", "abandoned"),
    [
        (("success", "success", "success", "success"), False),
        (("success", "success", "success", "skipped"), False),  # the reigning model stays
        (("success", "skipped", "skipped", "skipped"), False),  # a repetition of the last success
        (("failed", "upstream_failed", "upstream_failed", "upstream_failed"), False),  # Airflow fails such a run itself
        (("success", "success", "running", None), False),
        (("skipped", "skipped", "skipped", "skipped"), True),  # marked failed while the data were fetched
        (("failed", "skipped", "skipped", "skipped"), True),
        (("success", "failed", "skipped", "skipped"), True),
        (("success", "success", "skipped", "skipped"), True),  # while the job was started or waited for
        (("success", "success", "failed", "skipped"), True),
    ],
)
def test_a_run_that_was_marked_failed_is_told_from_one_that_skips(states: tuple[str, ...], abandoned: bool) -> None:
    roles = (tuning_tasks.DATA, tuning_tasks.REQUEST, tuning_tasks.RECORD, tuning_tasks.CHAMPION)
    assert tuning_tasks.was_abandoned(dict(zip(roles, states, strict=True))) is abandoned


def test_a_job_may_take_as_long_as_its_trials_one_after_another() -> None:
    hours = {"jobs": 9, "parallel_jobs": 3, "max_runtime_minutes": 60, "spot": False}
    assert longest_wait(STUDY, PARAMS | hours) == 3 * 2 * 3600
    assert longest_wait(STUDY, PARAMS | hours | {"spot": True, "spot_wait_minutes": 60}) == 3 * 3 * 3600
    assert longest_wait(STUDY, PARAMS | hours | {"jobs": 100, "parallel_jobs": 2}) > 90 * 3600
