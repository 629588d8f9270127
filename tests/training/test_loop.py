import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import loop
from cluster import Cluster
from environment import Environment
from errors import CheckpointError, HyperparameterError
from hyperparameters import Hyperparameters
from input_pipeline import Split, open_split
from tests.training.fake_records import fake_images, write_shards

Train = Callable[..., loop.Outcome]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def train(splits: tuple[Split, Split], job: Environment, one_device: Cluster, said: list[str]) -> Train:
    """Trains in the job's folder; keywords replace the defaults."""

    def run(hyperparameters: Hyperparameters, **options: object) -> loop.Outcome:
        defaults = {"train_split": splits[0], "validation_split": splits[1], "job": job, "cluster": one_device}
        return loop.train(hyperparameters, **{**defaults, "say": said.append, **options})  # type: ignore[arg-type]

    return run


def weights(outcome: loop.Outcome) -> list[np.ndarray]:
    return [variable.numpy() for variable in outcome.params.network.variables]


def after(calls: int) -> Callable[[], bool]:
    """A stop() that says yes once it has been asked that often."""
    answers = iter([False] * calls)
    return lambda: next(answers, True)


def elsewhere(job: Environment, folder: Path) -> Environment:
    return dataclasses.replace(job, base=folder)


def test_an_epoch_on_eight_fake_images(train: Train, tiny: Hyperparameters, tmp_path: Path) -> None:
    split = open_split(write_shards(tmp_path / "eight", *fake_images(8)))
    outcome = train(
        dataclasses.replace(tiny, batch_size=1, training_steps=8), train_split=split, validation_split=split
    )
    assert (outcome.step, outcome.stopped) == (8, False)
    assert outcome.evaluation is not None
    assert outcome.evaluation.examples == 8
    assert outcome.evaluation.step == 8


def test_training_learns(train: Train, tiny: Hyperparameters) -> None:
    outcome = train(dataclasses.replace(tiny, training_steps=60, dense_units=64, dropout=0.0, evaluate_every=60))
    assert outcome.evaluation is not None
    assert outcome.evaluation.accuracy == 1.0


def test_the_objective_is_announced_every_so_often_and_the_last_left_to_the_caller(
    train: Train, tiny: Hyperparameters, said: list[str]
) -> None:
    train(tiny)
    assert [line.split()[0] for line in said] == ["step", "loss", "accuracy", "loss", "accuracy", "step"]
    assert said[0].startswith("step 1/12 training_loss=")
    assert said[-1].startswith("step 12/12 training_loss=")


def test_an_evaluation_is_one_pass_at_most(train: Train, tiny: Hyperparameters) -> None:
    outcome = train(dataclasses.replace(tiny, evaluation_steps=1000))
    assert outcome.evaluation is not None
    assert outcome.evaluation.examples == 20


def test_the_same_seed_gives_the_same_numbers(
    train: Train, tiny: Hyperparameters, job: Environment, tmp_path: Path
) -> None:
    first, again, other = (
        train(dataclasses.replace(tiny, seed=seed), job=elsewhere(job, tmp_path / name))
        for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first.evaluation == again.evaluation != other.evaluation
    assert all(np.array_equal(one, two) for one, two in zip(weights(first), weights(again), strict=True))


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_an_interrupted_job_resumes_to_the_very_same_model(
    train: Train, tiny: Hyperparameters, job: Environment, tmp_path: Path, said: list[str], calls: int
) -> None:
    whole = train(tiny, job=elsewhere(job, tmp_path / "whole"))
    cut = train(tiny, stop=after(calls))
    assert cut.stopped
    assert 0 < cut.step < tiny.training_steps
    rest = train(tiny)
    assert f"resumed from the checkpoint of step {cut.step}" in said
    assert rest.step == rest.params.optimizer.iterations.numpy() == tiny.training_steps
    assert rest.evaluation == whole.evaluation
    assert all(np.array_equal(one, two) for one, two in zip(weights(whole), weights(rest), strict=True))


def test_a_finished_job_that_is_started_again_only_evaluates(train: Train, tiny: Hyperparameters) -> None:
    first = train(tiny)
    assert train(tiny).evaluation == first.evaluation


def test_two_checkpoints_are_kept(train: Train, tiny: Hyperparameters, job: Environment) -> None:
    train(tiny)
    assert sorted(path.name for path in job.checkpoints.glob("*.index")) == ["ckpt-10.index", "ckpt-12.index"]


def test_checkpoints_of_other_hyperparameters_are_refused(train: Train, tiny: Hyperparameters) -> None:
    train(tiny)
    with pytest.raises(CheckpointError, match="checkpoints of dense_units=16, this job has dense_units=8"):
        train(dataclasses.replace(tiny, dense_units=8))


def test_more_steps_may_be_added_to_a_finished_job(train: Train, tiny: Hyperparameters) -> None:
    train(tiny)
    assert train(dataclasses.replace(tiny, training_steps=15)).step == 15


def test_stopped_before_the_first_step(train: Train, tiny: Hyperparameters) -> None:
    outcome = train(tiny, stop=lambda: True)
    assert (outcome.step, outcome.stopped, outcome.evaluation) == (0, True, None)


def test_mirrored_devices_share_a_batch_and_compute_the_same(
    train: Train, tiny: Hyperparameters, job: Environment, tmp_path: Path
) -> None:
    settings = dataclasses.replace(tiny, dropout=0.0, training_steps=4)
    mirrored = Cluster(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    two = train(settings, cluster=mirrored, job=elsewhere(job, tmp_path / "two"))
    one = train(settings)
    assert two.step == two.params.optimizer.iterations.numpy() == 4
    assert one.evaluation is not None
    assert two.evaluation is not None
    assert two.evaluation.loss == pytest.approx(one.evaluation.loss, rel=1e-4)


def test_mirrored_devices_train_with_dropout_and_resume(train: Train, tiny: Hyperparameters) -> None:
    mirrored = Cluster(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    train(tiny, cluster=mirrored, stop=after(2))
    assert train(tiny, cluster=mirrored).step == tiny.training_steps


def test_a_batch_that_the_devices_cannot_share_is_refused(train: Train, tiny: Hyperparameters) -> None:
    mirrored = Cluster(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    with pytest.raises(HyperparameterError, match="batch_size=5 cannot be shared by 2 devices"):
        train(dataclasses.replace(tiny, batch_size=5), cluster=mirrored)
