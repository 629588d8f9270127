"""The limit: the trials forked from an interpreter that has imported TensorFlow, so that they do nothing but train.

`limit.py <trials> <parallel> <JSON list of the trial's arguments>`; prints when it began, in seconds since the epoch.
"""

import json
import os
import sys
import time

from tensorflow import keras  # noqa: F401
from trial import main

trials, parallel, given = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])


def fork(number: int) -> None:
    """Start a trial."""
    if os.fork() == 0:
        code = 1
        try:
            sys.argv = ["trial.py", *given, "--learning_rate", str(0.01 * number)]
            code = main()
        finally:
            os._exit(code)


print(time.time(), flush=True)
for number in range(1, trials + 1):
    if number > parallel:
        os.wait()
    fork(number)
for _ in range(parallel):
    os.wait()
