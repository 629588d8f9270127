"""The trials under Ray Tune; run by trial_overhead.py in an environment that has Ray. Arguments: syne_tune_trials.py's.

A trial is a subprocess of its trainable, so that it runs the same TensorFlow as all others.
"""

import json
import subprocess
import sys

import ray
from ray import tune

python, trial, trials, parallel, arguments = sys.argv[1:]


def trainable(config: dict[str, float]) -> None:
    """One trial."""
    rate = ["--learning_rate", str(config["learning_rate"])]
    subprocess.run([python, trial, *json.loads(arguments), *rate], check=True)
    tune.report({"loss": 0.0})


ray.init(num_cpus=int(parallel), include_dashboard=False, log_to_driver=False)
tune.Tuner(
    trainable,
    param_space={"learning_rate": tune.loguniform(1e-3, 1e-1)},
    tune_config=tune.TuneConfig(num_samples=int(trials), max_concurrent_trials=int(parallel)),
).fit()
