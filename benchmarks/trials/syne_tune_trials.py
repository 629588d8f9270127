"""The trials under Syne Tune's local backend; run by trial_overhead.py in an environment that has Syne Tune.

`syne_tune_trials.py <python with TensorFlow> <trial.py> <trials> <parallel> <JSON list of the trial's arguments>`
"""

import json
import sys

from syne_tune import StoppingCriterion, Tuner, config_space
from syne_tune.backend import LocalBackend
from syne_tune.optimizer.baselines import RandomSearch

python, trial, trials, parallel, arguments = sys.argv[1:]
given = json.loads(arguments)
fixed = dict(zip((name.removeprefix("--") for name in given[::2]), given[1::2], strict=True))
space = {**fixed, "learning_rate": config_space.loguniform(1e-3, 1e-1)}
Tuner(
    trial_backend=LocalBackend(entry_point=trial, binary=python, rotate_gpus=False),
    scheduler=RandomSearch(space, metrics=["loss"], random_seed=1),
    stop_criterion=StoppingCriterion(max_num_trials_finished=int(trials)),
    n_workers=int(parallel),
    sleep_time=0.1,
    save_tuner=False,
    wait_trial_completion_when_stopping=True,
).run()
