import math

import pytest

from errors import DivergedError
from hyperparameters import Hyperparameters
from progress import Progress

SETTINGS = Hyperparameters(learning_rate=0.2, momentum=0.9, training_steps=120)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def progress(said: list[str]) -> Progress:
    return Progress(SETTINGS, 10, said.append)


def test_a_line_after_the_first_step_then_every_fifty_and_at_the_end(progress: Progress, said: list[str]) -> None:
    progress.add(1, 1, 2.5)
    for step in range(10, 121, 10):
        progress.add(step, 10, step / 100)
    assert said == [
        "step 1/120 training_loss=2.5",
        "step 50/120 training_loss=0.3",
        "step 100/120 training_loss=0.8",
        "step 120/120 training_loss=1.15",
    ]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_trial_at_once(progress: Progress, loss: float) -> None:
    with pytest.raises(
        DivergedError, match=f"training loss is {loss} at step 20: .*learning_rate=0.2 and momentum=0.9"
    ):
        progress.add(20, 10, loss)


def test_a_hopeless_loss_ends_the_trial_if_it_lasts(progress: Progress) -> None:
    for step in range(10, 50, 10):
        progress.add(step, 10, 1000.0)
    with pytest.raises(DivergedError, match="has grown to 1000 at step 50"):
        progress.add(50, 10, 1000.0)


def test_a_short_spike_of_the_loss_is_forgiven(progress: Progress, said: list[str]) -> None:
    for step, loss in zip(range(10, 51, 10), (2, 30, 2, 2, 2), strict=True):
        progress.add(step, 10, loss)
    assert said == ["step 50/120 training_loss=7.6"]
