"""The environment variables of a trial that no training job runs: trials/trial.py and training/mnist.py read them."""

import os
from pathlib import Path

CODE = Path(__file__).resolve().parents[2] / "training"


def variables(data: Path, trials: Path) -> dict[str, str]:
    """Those of this process, and the channels below `data`; a trial makes its own folder below `trials`."""
    trials.mkdir(exist_ok=True)
    return os.environ | {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SM_CHANNEL_TRAIN": str(data / "train"),
        "SM_CHANNEL_VALIDATION": str(data / "validation"),
        "TRIAL_CODE": str(CODE),
        "TRIAL_FOLDER": str(trials),
    }
