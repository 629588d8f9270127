import dataclasses

import pytest

from errors import HyperparameterError
from hyperparameters import Hyperparameters, parse


def test_values_as_sagemaker_sends_them() -> None:
    settings = parse(["--learning_rate", "0.03", "--optimizer", '"adam"', "--batch_size", "64.0", "--seed", "7"])
    assert settings == Hyperparameters(learning_rate=0.03, optimizer="adam", batch_size=64, seed=7)


def test_what_is_meant_for_sagemaker_is_ignored() -> None:
    argv = ["--model_dir", "None/job/model", "--sagemaker_region", "us-east-1", "--_tuning_objective_metric", "loss"]
    assert parse(argv) == Hyperparameters()


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(HyperparameterError, match="unknown hyperparameter 'lr'") as error:
        parse(["--lr", "0.1"])
    assert all(field.name in str(error.value) for field in dataclasses.fields(Hyperparameters))


def test_a_name_is_not_guessed_from_its_beginning() -> None:
    with pytest.raises(HyperparameterError, match="unknown hyperparameter 'learning'"):
        parse(["--learning", "0.1"])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--learning_rate", "fast"], "learning_rate='fast' is not a number"),
        (["--learning_rate", "nan"], "learning_rate='nan' is not a number"),
        (["--learning_rate", "inf"], "learning_rate=inf is out of bounds; give 1e-08 to 10"),
        (["--learning_rate", "-1"], "learning_rate=-1.0 is out of bounds"),
        (["--batch_size", "10.5"], "batch_size='10.5' is not an integer"),
        (["--dense_units", "0"], "dense_units=0 is out of bounds; give 1 to 65536"),
        (["--optimizer", "lion"], "optimizer=lion is not one of: sgd, nesterov, adam"),
        (["--seed"], "expected one argument"),
        (["--seed", "1", "2"], "'2' belongs to no name"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(argv: list[str], message: str) -> None:
    with pytest.raises(HyperparameterError) as error:
        parse(argv)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_help_explains_every_hyperparameter(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    text = capsys.readouterr().out
    assert all(f"--{field.name}" in text for field in dataclasses.fields(Hyperparameters))
