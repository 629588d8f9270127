"""The life of a training job: steps, progress, evaluations, checkpoints, and an early end where one is due.

What a step or an evaluation computes is `model.py`'s business; where the batches come from, `input_pipeline.py`'s.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

import input_pipeline
from checkpoints import Checkpoints
from cluster import Cluster
from environment import Environment
from evaluation import Evaluation, announce, evaluator
from hyperparameters import Hyperparameters
from model import CLASSES, Mode, ModelParams, build, model_fn
from progress import PROGRESS_STEPS, Progress, Say

CALL_STEPS = 10  # steps in one call of TensorFlow: how often the loop looks for SIGTERM and for a loss of NaN


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How training ended. `evaluation` is the last one, None if training was stopped before the first."""

    params: ModelParams
    step: int
    stopped: bool
    evaluation: Evaluation | None


def train(
    hyperparameters: Hyperparameters,
    *,
    train_split: input_pipeline.Split,
    validation_split: input_pipeline.Split,
    job: Environment,
    cluster: Cluster,
    say: Say,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Trains up to `training_steps`, going on from a checkpoint if there is one.

    Evaluates and saves every `evaluate_every` steps and at the end; announces every evaluation but the one at the
    end, which the caller announces once the model is exported. When `stop()` says so, saves and returns early.
    Raises DivergedError when the loss is not a number or hopeless, CheckpointError, ClusterError.
    """
    cluster.check_batch_size(hyperparameters.batch_size)
    tf.keras.utils.set_random_seed(hyperparameters.seed)
    tf.config.experimental.enable_op_determinism()
    with cluster.strategy.scope():
        params = build(hyperparameters, train_split.image_shape)
    keeper = Checkpoints(job.checkpoints, params, hyperparameters, writes=cluster.is_chief)
    step = keeper.restore()
    cluster.check_same_step(step)
    if step:
        say(f"resumed from the checkpoint of step {step}")
    batches = _distribute(cluster, hyperparameters, train_split, step, job.sharded_by_host)
    run_steps = _step_function(cluster, params, batches)
    evaluate = evaluator(params, validation_split, hyperparameters)

    evaluation = None
    progress = Progress(hyperparameters, CLASSES, say)
    stopped = cluster.any_host(stop())
    while step < hyperparameters.training_steps and not stopped:
        count = _steps_until_pause(step, hyperparameters)
        loss = run_steps(count)
        step += count
        progress.add(step, count, loss)
        stopped = cluster.any_host(stop())
        if step % hyperparameters.evaluate_every == 0 and step < hyperparameters.training_steps and not stopped:
            keeper.save(step)
            if cluster.is_chief:
                evaluation = evaluate(step)
                announce(evaluation, say)
    keeper.save(step)
    stopped = stopped and step < hyperparameters.training_steps
    if not stopped and cluster.is_chief:
        evaluation = evaluate(step)
    cluster.any_host(False)  # no host may leave while the chief still evaluates
    return Outcome(params, step, stopped, evaluation)


def _steps_until_pause(step: int, hyperparameters: Hyperparameters) -> int:
    """Steps to run in one call: up to the next multiple of anything that wants a look, but one alone at first."""
    if step == 0:
        return 1
    ends = [step + every - step % every for every in (CALL_STEPS, PROGRESS_STEPS, hyperparameters.evaluate_every)]
    return min(*ends, hyperparameters.training_steps) - step


def _distribute(
    cluster: Cluster, hyperparameters: Hyperparameters, split: input_pipeline.Split, step: int, sharded_by_host: bool
) -> Any:
    """An iterator over this host's batches, from the given step on."""

    def batches(context: Any) -> Any:
        hosts = 1 if sharded_by_host else context.num_input_pipelines
        return input_pipeline.training_batches(
            split,
            batch_size=context.get_per_replica_batch_size(hyperparameters.batch_size),
            seed=hyperparameters.seed,
            skip=step * cluster.local_replicas,
            share=(context.input_pipeline_id % hosts, hosts),
        )

    return iter(cluster.strategy.distribute_datasets_from_function(batches))


def _step_function(cluster: Cluster, params: ModelParams, batches: Any) -> Callable[[int], float]:
    """A function that runs a number of steps inside TensorFlow and returns their mean loss."""
    strategy = cluster.strategy

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def replica_step(features: Any, labels: Any) -> Any:
        spec = model_fn(features, labels, Mode.TRAIN, params)
        assert spec.train_op is not None
        spec.train_op()
        return spec.loss

    @tf.function  # type: ignore[untyped-decorator]
    def run(iterator: Any, count: Any) -> Any:
        total = tf.constant(0.0)
        for _ in tf.range(count):
            losses = strategy.run(replica_step, args=next(iterator))
            total += strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
        return total / tf.cast(count, tf.float32)

    return lambda count: float(run(batches, tf.constant(count)))
