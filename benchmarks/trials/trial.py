"""The trial that every way of benchmarks/trial_overhead.py runs: training/mnist.py, noting its first step and its end.

`trial.py --marks FOLDER [mnist.py's arguments]` beside mnist.py, or outside a training job with TRIAL_CODE naming
mnist.py's folder and TRIAL_FOLDER where the trial makes its own. Leaves {"first_step", "end", "code"} in FOLDER, in
seconds since the epoch. The last line printed is what Syne Tune reads as a result.
"""

import json
import os
import runpy
import sys
import time
import uuid
from pathlib import Path
from typing import TextIO


class Marking:
    """Standard output that remembers when the line of the first step passed by."""

    def __init__(self, inner: TextIO) -> None:
        self._inner = inner
        self.first_step = 0.0

    def write(self, text: str) -> int:
        """Pass text on."""
        if not self.first_step and text.startswith("step 1/"):
            self.first_step = time.time()
        return self._inner.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


def main() -> int:
    """Train; the exit code is mnist.py's."""
    marks = Path(_take("--marks"))
    _take("--st_checkpoint_dir")
    code = Path(os.environ.get("TRIAL_CODE", Path(__file__).parent))
    if "TRIAL_FOLDER" in os.environ:
        own = Path(os.environ["TRIAL_FOLDER"], str(uuid.uuid4()))
        own.mkdir()
        os.environ |= {"SAGEMAKER_BASE_DIR": str(own), "SM_MODEL_DIR": str(own / "model")}
    sys.path.insert(0, str(code))
    marking = Marking(sys.stdout)
    sys.stdout = marking  # type: ignore[assignment]
    ended = 1
    try:
        runpy.run_path(str(code / "mnist.py"), run_name="__main__")
    except SystemExit as leaving:
        ended = int(leaving.code or 0)
    result = {"first_step": marking.first_step, "end": time.time(), "code": ended}
    (marks / f"{uuid.uuid4()}.json").write_text(json.dumps(result))
    report = {"loss": 0.0, "st_worker_timestamp": result["end"], "st_worker_time": 0.0, "st_worker_iter": 0}
    print(f"[tune-metric]: {json.dumps(report)}", flush=True)
    return ended


def _take(name: str) -> str:
    """Remove an argument that is not mnist.py's, and return its value."""
    if name not in sys.argv:
        return ""
    place = sys.argv.index(name)
    value = sys.argv[place + 1]
    del sys.argv[place : place + 2]
    return value


if __name__ == "__main__":
    sys.exit(main())
