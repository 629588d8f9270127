"""Entry point of the training job: trains, evaluates, exports one model. `mnist.py --help` lists its settings."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence

import environment
import hyperparameters
import quiet
from errors import TrainingError
from progress import say

STOPPED = 128 + signal.SIGTERM


def main(argv: Sequence[str]) -> int:
    """Runs the job. Returns 0 when trained, 143 when SIGTERM ended it early and the model is saved, 1 when failed."""
    stop = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        return run(hyperparameters.parse(argv), environment.read(os.environ), stop.is_set)
    except TrainingError as error:
        print(error, file=sys.stderr)
        reason = str(error)
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}\n\n{traceback.format_exc()}"
    finally:
        signal.signal(signal.SIGTERM, before)
    environment.write_failure(environment.base_directory(os.environ), reason)
    return 1


def run(settings: hyperparameters.Hyperparameters, job: environment.Environment, stop: Callable[[], bool]) -> int:
    """Trains and exports. TensorFlow is imported only here, so that a bad setting fails at once."""
    folders = job.channel("train"), job.channel("validation")
    quiet.import_tensorflow()
    import cluster
    import export
    import loop
    from evaluation import announce
    from input_pipeline import open_split, reporting_corruption

    cluster.use_threads(job.cpus)
    joined = cluster.connect(job)
    train, validation = map(open_split, folders)
    with cluster.reporting_lost_hosts(joined.hosts), reporting_corruption():
        outcome = loop.train(
            settings, train_split=train, validation_split=validation, job=job, cluster=joined, say=say, stop=stop
        )
    if joined.is_chief:
        target = export.export(outcome.params, train.image_shape, job.model)
        export.write_metrics(job.model, step=outcome.step, evaluation=outcome.evaluation, hyperparameters=settings)
        say(f"saved the model of step {outcome.step} to {target}")
        if outcome.evaluation and not outcome.stopped:
            announce(outcome.evaluation, say)
    return STOPPED if outcome.stopped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
