import re
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from include.tuning.naming import beginning, run_key, successive, tuning_job_name

# HyperParameterTuningJobName in botocore's service model
ALLOWED = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")


@given(st.text(), st.text())
def test_any_dag_and_run_give_a_name_that_sagemaker_takes(dag_id: str, run_id: str) -> None:
    name = tuning_job_name(dag_id, run_id)
    assert ALLOWED.fullmatch(name)
    assert len(name) <= 32
    assert name == name.lower()


def test_the_name_tells_dag_and_day() -> None:
    name = tuning_job_name("mnist_tuning", "manual__2026-11-23T22:04:18+00:00")
    assert name.startswith("mnist-tuning-20261123-")


def test_the_same_run_has_the_same_name_and_another_run_of_the_day_another() -> None:
    first = tuning_job_name("mnist_tuning", "manual__2026-11-23T22:04:18+00:00")
    assert first == tuning_job_name("mnist_tuning", "manual__2026-11-23T22:04:18+00:00")
    assert first != tuning_job_name("mnist_tuning", "manual__2026-11-23T22:04:19+00:00")
    assert first != tuning_job_name("mnist_tuning2", "manual__2026-11-23T22:04:18+00:00")


def test_a_long_dag_name_is_cut_and_a_run_without_a_date_has_none() -> None:
    assert tuning_job_name("a" * 60, "asset_triggered").startswith("a" * 21 + "-")
    assert tuning_job_name("---", "x").startswith("tuning-")


def test_dag_and_run_cannot_be_confused() -> None:
    assert run_key("ab", "c") != run_key("a", "bc")


@given(st.text(), st.text())
def test_every_further_job_of_a_run_has_a_valid_name_of_its_own(dag_id: str, run_id: str) -> None:
    names = list(islice(successive(tuning_job_name(dag_id, run_id)), 12))
    assert len(set(names)) == 12
    assert all(ALLOWED.fullmatch(name) and len(name) <= 32 for name in names)


def test_further_jobs_are_told_by_a_number_at_the_end() -> None:
    name = tuning_job_name("mnist_tuning", "manual__2026-11-23T22:04:18+00:00")
    assert list(islice(successive(name), 3)) == [name, f"{name}r2", f"{name}r3"]


@given(st.text(), st.text())
def test_all_names_of_a_dag_begin_alike(dag_id: str, run_id: str) -> None:
    assert tuning_job_name(dag_id, run_id).startswith(beginning(dag_id))
