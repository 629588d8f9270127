"""The held-out test of an exported model, by a process of its own that has nothing but the model and the records.

    python evaluate.py --model <folder with 1/saved_model.pb> --data <folder of *.tfrecord>

The last line on stdout is one JSON object: accuracy, loss, examples.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import quiet
from errors import DataError, TrainingError

BATCH = 500


def main(argv: Sequence[str]) -> int:
    """Prints the result. Returns 0, or 1 after one line on stderr."""
    parser = argparse.ArgumentParser(prog="evaluate.py", description="Tests an exported model on held-out examples.")
    parser.add_argument("--model", type=Path, required=True, help="folder that model.tar.gz was unpacked to")
    parser.add_argument("--data", type=Path, required=True, help="folder of *.tfrecord files")
    arguments = parser.parse_args(argv)
    quiet.import_tensorflow()
    try:
        result = evaluate(arguments.model, arguments.data)
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(result), flush=True)
    return 0


def evaluate(model: Path, data: Path) -> dict[str, Any]:
    """Accuracy, mean cross-entropy in nats, and the number of examples. Raises DataError."""
    import numpy as np

    import export
    from input_pipeline import evaluation_batches, open_split

    split = open_split(data)
    predict = export.load(model)
    height_width = predict.structured_input_signature[1]["images"].shape[1:]
    if tuple(height_width) != split.image_shape:
        raise DataError(f"the model in {model} wants images of {tuple(height_width)}, {data} holds {split.image_shape}")
    hits = examples = 0
    loss = 0.0
    for images, labels in evaluation_batches(split, batch_size=BATCH).as_numpy_iterator():
        answer = predict(images=images)
        chosen = answer["probabilities"].numpy()[np.arange(len(labels)), labels]
        loss -= float(np.log(np.maximum(chosen, np.finfo(np.float32).tiny), dtype=np.float64).sum())
        hits += int((answer["classes"].numpy() == labels).sum())
        examples += len(labels)
    return {"accuracy": hits / examples, "loss": loss / examples, "examples": examples}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
