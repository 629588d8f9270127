"""Whatever is killed, cleared, marked or away: a run makes one tuning job and leaves none running.

The outcomes are printed as the table of docs/tuning.md.
"""

import time
from collections.abc import Iterator

import psutil
import pytest

from tests.e2e.quick_stack import LAST_STATES, Outcome, QuickStack, quick_stack, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
QUICK, HASTY, BRIEF = "quick_tuning", "hasty_tuning", "brief_tuning"
RUN, WAIT = "run_tuning_job", "wait_for_tuning_job"
LONG = {"seconds": 15.0}
VERY_LONG = {"seconds": 90.0}
"""For jobs that are to be stopped."""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickStack]:
    with quick_stack(tmp_path_factory.mktemp("quick")) as stack:
        yield stack


@pytest.fixture(scope="module")
def table() -> Iterator[dict[str, Outcome]]:
    """Each fault's outcome; printed at the end."""
    rows: dict[str, Outcome] = {}
    yield rows
    print("\n| fault | tuning jobs made | trials run | still running | run |\n|---|---|---|---|---|")
    for fault, outcome in rows.items():
        made = ", ".join(outcome.jobs.values())
        print(
            f"| {fault} | {len(outcome.jobs)} ({made}) | {outcome.trials} | {outcome.still_running} | {outcome.state} |"
        )


def expect(outcome: Outcome, state: str, *, jobs: tuple[str, ...]) -> None:
    assert outcome.still_running == 0
    assert (outcome.state, tuple(outcome.jobs.values())) == (state, jobs)


def kill(process: psutil.Process) -> None:
    process.kill()


def test_the_task_is_killed_just_before_the_create_call(quick: QuickStack, table: dict[str, Outcome]) -> None:
    quick.proxy.before = kill
    run = quick.trigger(QUICK)
    outcome = table["SIGKILL of the task just before the create call"] = quick.ended(QUICK, run)
    expect(outcome, "success", jobs=("Completed",))
    assert (quick.proxy.before, outcome.trials) == (None, 3)


def test_the_task_is_killed_just_after_the_create_call(quick: QuickStack, table: dict[str, Outcome]) -> None:
    quick.proxy.after = kill
    run = quick.trigger(QUICK)
    outcome = table["SIGKILL of the task just after the create call"] = quick.ended(QUICK, run)
    expect(outcome, "success", jobs=("Completed",))
    assert (quick.proxy.after, outcome.trials) == (None, 3)


@pytest.mark.parametrize("part", ["scheduler", "triggerer", "local SageMaker"])
def test_a_part_of_the_stack_is_killed_while_trials_run(
    quick: QuickStack, table: dict[str, Outcome], part: str
) -> None:
    run = quick.trigger(QUICK, **LONG)
    quick.until_trials_run(QUICK, run)
    quick.kill(part)
    outcome = table[f"SIGKILL of the {part}"] = quick.ended(QUICK, run)
    expect(outcome, "success", jobs=("Completed",))
    assert outcome.trials == 3


def test_the_waiting_task_is_cleared_with_the_one_that_started_the_job(
    quick: QuickStack, table: dict[str, Outcome]
) -> None:
    run = quick.trigger(QUICK, **VERY_LONG)
    quick.until_trials_run(QUICK, run)
    quick.api(QUICK).clear(run, RUN)
    outcome = table["run_tuning_job cleared while its job runs"] = quick.ended(QUICK, run)
    expect(outcome, "success", jobs=("Stopped", "Completed"))


def test_the_waiting_task_alone_is_cleared(quick: QuickStack, table: dict[str, Outcome]) -> None:
    run = quick.trigger(QUICK, **VERY_LONG)
    quick.until_trials_run(QUICK, run)
    quick.api(QUICK).clear(run, WAIT)
    outcome = table["wait_for_tuning_job cleared while its job runs"] = quick.ended(QUICK, run)
    expect(outcome, "failed", jobs=("Stopped",))


def test_a_finished_run_is_cleared(quick: QuickStack, table: dict[str, Outcome]) -> None:
    run = quick.trigger(QUICK)
    expect(quick.ended(QUICK, run), "success", jobs=("Completed",))
    quick.api(QUICK).clear(run, RUN)
    wait_until(lambda: quick.api(QUICK).run_state(run) != "success", 30)
    outcome = table["a finished run cleared"] = quick.ended(QUICK, run)
    expect(outcome, "success", jobs=("Completed",))
    assert outcome.trials == 3


def test_a_finished_run_that_wants_a_new_job_is_cleared(quick: QuickStack, table: dict[str, Outcome]) -> None:
    run = quick.trigger(QUICK, when_cleared="new")
    expect(quick.ended(QUICK, run), "success", jobs=("Completed",))
    quick.api(QUICK).clear(run, RUN)
    wait_until(lambda: quick.api(QUICK).run_state(run) != "success", 30)
    outcome = table["a finished run cleared, with when_cleared = new"] = quick.ended(QUICK, run)
    expect(outcome, "success", jobs=("Completed", "Completed"))


def test_a_run_is_marked_failed_while_the_sensor_waits(quick: QuickStack, table: dict[str, Outcome]) -> None:
    run = quick.trigger(QUICK, **VERY_LONG)
    quick.until_trials_run(QUICK, run)
    quick.api(QUICK).fail(run)
    outcome = table["the run marked failed while the sensor waits"] = quick.ended(QUICK, run)
    expect(outcome, "failed", jobs=("Stopped",))


def test_a_run_is_marked_failed_while_the_triggerer_is_down(quick: QuickStack, table: dict[str, Outcome]) -> None:
    run = quick.trigger(QUICK, **VERY_LONG)
    quick.until_trials_run(QUICK, run)
    with quick.down("triggerer"):
        quick.api(QUICK).fail(run)
    outcome = table["the run marked failed while the triggerer is down"] = quick.ended(QUICK, run)
    expect(outcome, "failed", jobs=("Stopped",))


@pytest.mark.parametrize("task", ["generate_tuning_config", RUN, "extract_best_model"])
def test_a_run_is_marked_failed_while_another_task_runs(
    quick: QuickStack, table: dict[str, Outcome], task: str
) -> None:
    run = quick.trigger(QUICK)
    quick.until_task(QUICK, run, task, "running")
    quick.api(QUICK).fail(run)
    outcome = table[f"the run marked failed while {task} runs"] = quick.ended(QUICK, run)
    assert (outcome.state, outcome.still_running) == ("failed", 0)


def test_a_task_times_out(quick: QuickStack, table: dict[str, Outcome]) -> None:
    run = quick.trigger(HASTY)
    outcome = table["the wait times out"] = quick.ended(HASTY, run)
    expect(outcome, "failed", jobs=("Stopped",))
    log = quick.api(HASTY).log(run, WAIT, 1)
    assert "has not ended after 10 s and is stopped" in log


def test_a_run_times_out(quick: QuickStack, table: dict[str, Outcome]) -> None:
    run = quick.trigger(BRIEF)
    quick.until_trials_run(BRIEF, run)
    wait_until(lambda: "InProgress" not in quick.jobs(BRIEF, run).values(), 120)
    outcome = table["the run times out"] = quick.ended(BRIEF, run)
    expect(outcome, "failed", jobs=("Stopped",))


def test_s3_and_sagemaker_answer_500_for_a_minute(quick: QuickStack, table: dict[str, Outcome]) -> None:
    quick.proxy.refused = 0
    quick.proxy.away_until = time.monotonic() + 60
    run = quick.trigger(QUICK)
    outcome = table["S3 and SageMaker answer 500 for a minute, from the start"] = quick.ended(QUICK, run, seconds=420)
    expect(outcome, "success", jobs=("Completed",))
    assert quick.proxy.refused > 3


def test_sagemaker_answers_500_for_a_minute_while_trials_run(quick: QuickStack, table: dict[str, Outcome]) -> None:
    run = quick.trigger(QUICK, **LONG)
    quick.until_trials_run(QUICK, run)
    quick.proxy.refused = 0
    quick.proxy.away_until = time.monotonic() + 60
    outcome = table["S3 and SageMaker answer 500 for a minute, while trials run"] = quick.ended(QUICK, run, seconds=420)
    expect(outcome, "success", jobs=("Completed",))
    assert quick.proxy.refused > 3


def test_twenty_runs_at_once_need_no_worker_slot_to_wait(quick: QuickStack) -> None:
    api = quick.api(QUICK)
    runs = [quick.trigger(QUICK, seconds=20.0, jobs=1, parallel_jobs=1) for _ in range(20)]
    most_waiting = 0

    def all_have_ended() -> bool:
        nonlocal most_waiting
        states = api.active_states(runs)
        assert states.count("running") <= 4, "more tasks than the parallelism of 4"
        most_waiting = max(most_waiting, states.count("deferred"))
        return all(api.run_state(run) in LAST_STATES for run in runs)

    wait_until(all_have_ended, 900)
    assert [api.run_state(run) for run in runs] == ["success"] * 20
    print(f"\n20 runs at once: up to {most_waiting} waited, with a parallelism of 4")
    assert most_waiting > 4
