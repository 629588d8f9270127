"""What `make run` runs on: what the user named, else MNIST, else the bundled digits, loudly."""

import re
from pathlib import Path

import pytest

from include.errors import StackError, UnknownDatasetError
from include.local_stack.choice import AFRESH, DIGITS, choose_params

NOBODY = ["http://127.0.0.1:9/"]


def choose(dataset: str = "", source: str = "", given: str = "") -> tuple[dict, list[str]]:
    said: list[str] = []
    return choose_params(dataset, source, given, NOBODY, said.append), said


def test_without_any_mirror_it_says_so_loudly_and_takes_digits() -> None:
    params, said = choose()
    assert params == AFRESH | DIGITS
    assert len(said) == 1
    assert said[0].startswith("NO MIRROR OF MNIST ANSWERS")


@pytest.mark.parametrize("dataset", ["mnist", "kmnist"])
def test_a_dataset_that_the_user_named_is_never_swapped(dataset: str) -> None:
    params, said = choose(dataset)
    assert (params["dataset"], said) == (dataset, [])


def test_a_source_goes_before_the_mirrors_and_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    params, said = choose(source="mnist")
    assert params == AFRESH | {"dataset": "mnist", "source": str(tmp_path / "mnist")}
    assert said == []
    assert choose(source="s3://bucket/mnist")[0]["source"] == "s3://bucket/mnist"


def test_params_as_json_go_before_everything() -> None:
    assert choose(given='{"dataset": "digits", "jobs": 3}')[0] == AFRESH | DIGITS | {"jobs": 3}
    assert choose("digits", given='{"training_steps": 5}')[0]["training_steps"] == 5


@pytest.mark.parametrize("given", ["{jobs: 3}", "[3]", "3"])
def test_params_that_are_no_json_object_are_refused_in_one_line(given: str) -> None:
    with pytest.raises(StackError, match=re.escape(f"PARAMS={given!r}")) as refused:
        choose(given=given)
    assert "\n" not in str(refused.value)


def test_an_unknown_dataset_is_refused_before_anything_starts() -> None:
    with pytest.raises(UnknownDatasetError, match="svhn"):
        choose("svhn")


def test_a_null_source_is_none() -> None:
    assert choose(given='{"dataset": "mnist", "source": null}') == (AFRESH | {"dataset": "mnist", "source": ""}, [])


@pytest.mark.parametrize("given", ['{"dataset": 5}', '{"dataset": ["mnist"]}', '{"source": 5}'])
def test_a_dataset_or_source_that_is_no_text_is_refused_in_one_line(given: str) -> None:
    with pytest.raises(StackError, match="has to be a text") as refused:
        choose(given=given)
    assert "\n" not in str(refused.value)
