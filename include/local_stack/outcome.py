"""The end of a run: a local copy of the best model, its accuracy on the held-out test split, and the table to show.

The test is a process of its own: no tuning job sees that split, and no Airflow task evaluates on it.
"""

import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from include.errors import StackError
from include.local_stack.config import ROOT
from include.storage.s3_layout import parse_s3_uri
from include.tuning.trials import short


def fetch_model(s3: Any, best: dict[str, Any], folder: Path) -> Path:
    """Download and unpack the best model into `folder`/<tuning job>; the folder with the SavedModel in it."""
    target = folder / best["tuning_job"]
    target.mkdir(parents=True, exist_ok=True)
    archive = target / "model.tar.gz"
    bucket, key = parse_s3_uri(best["artifact"])
    s3.download_file(bucket, key, str(archive))
    model: Path = target / "model"
    with tarfile.open(archive) as tar:
        # The filter came with Python 3.11.4; the archive is one that the stack itself has made.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(model)
    (target / "best_model.json").write_text(json.dumps(best, indent=2))
    return model


def test_model(s3: Any, best: dict[str, Any], model: Path) -> dict[str, Any]:
    """{"accuracy", "loss", "examples"} of the model on the test split. Raises StackError with what the test said."""
    data = model.parent / "test"
    data.mkdir(exist_ok=True)
    bucket, prefix = parse_s3_uri(best["data"]["test"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            s3.download_file(bucket, item["Key"], str(data / Path(item["Key"]).name))
    argv = [sys.executable, str(ROOT / "training" / "evaluate.py"), "--model", str(model), "--data", str(data)]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise StackError(f"the held-out test failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def table(best: dict[str, Any]) -> list[str]:
    """The leaderboard, best first: a line a trial."""
    names = sorted({name for trial in best["leaderboard"] for name in trial["hyperparameters"]})
    metric = best["metric"]["name"]
    rows = [["trial", *names, metric, "seconds", "status"]]
    for trial in best["leaderboard"]:
        values = [short(trial["hyperparameters"].get(name, "")) for name in names]
        value = "-" if trial["value"] is None else f"{trial['value']:.4f}"
        seconds = "-" if trial["seconds"] is None else f"{trial['seconds']:.1f}"
        number = trial["training_job"].removeprefix(best["tuning_job"] + "-").partition("-")[0]
        rows.append([number, *values, value, seconds, trial["status"]])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
