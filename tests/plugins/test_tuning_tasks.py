"""Which ways a run can end without a best model, and which of them the teardown tells from a success."""

import pytest

from sagemaker_tuning import tuning_tasks


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
