"""The DAG under a real scheduler, triggered over the REST API as the UI does, ends with a model that reads digits."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from include.storage.s3_layout import parse_s3_uri
from tests.e2e.conftest import RunningStack

pytestmark = pytest.mark.e2e


def read(stack: RunningStack, uri: str) -> bytes:
    bucket, key = parse_s3_uri(uri)
    body: bytes = stack.stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def held_out_accuracy(stack: RunningStack, model: Path, test_uri: str) -> float:
    """Share of the test split that the SavedModel in `model` reads right, measured with TensorFlow alone."""
    import tensorflow as tf

    bucket, prefix = parse_s3_uri(test_uri)
    keys = [item["Key"] for item in stack.stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    shards = [key for key in keys if key.endswith(".tfrecord")]
    for number, key in enumerate(shards):
        (model.parent / f"{number}.tfrecord").write_bytes(read(stack, f"s3://{bucket}/{key}"))
    features = {"label": tf.io.FixedLenFeature([], tf.int64), "image_raw": tf.io.FixedLenFeature([], tf.string)}
    records = tf.data.TFRecordDataset(sorted(str(path) for path in model.parent.glob("*.tfrecord")))
    examples = next(iter(records.batch(10_000).map(lambda batch: tf.io.parse_example(batch, features))))
    images = tf.reshape(tf.io.decode_raw(examples["image_raw"], tf.uint8), (-1, 28, 28))
    predict = tf.saved_model.load(str(model)).signatures["serving_default"]
    classes = predict(images=images)["classes"]
    assert len(images) == 360
    return float(tf.reduce_mean(tf.cast(tf.equal(tf.cast(classes, tf.int64), examples["label"]), tf.float32)))


@pytest.fixture(scope="module")
def finished_run(stack: RunningStack) -> str:
    """A run with three short trials that has succeeded."""
    return stack.run(training_steps=120)


def test_a_triggered_run_ends_with_a_model_that_reads_digits(
    stack: RunningStack, finished_run: str, tmp_path: Path
) -> None:
    best = stack.api.result(finished_run, "extract_best_model")
    assert json.loads(read(stack, best["record"])) == best
    assert [trial["status"] for trial in best["leaderboard"]] == ["Completed"] * 3
    values = [trial["value"] for trial in best["leaderboard"]]
    assert best["metric"] == {"name": "loss", "objective": "Minimize", "value": min(values)}
    with tarfile.open(fileobj=io.BytesIO(read(stack, best["artifact"]))) as tar:
        tar.extractall(tmp_path / "model", filter="data")
    folder = next((tmp_path / "model").rglob("saved_model.pb")).parent
    assert held_out_accuracy(stack, folder, best["data"]["test"]) > 0.8
    channels = stack.stack.client("sagemaker").describe_training_job(TrainingJobName=best["training_job"])
    assert "/test/" not in json.dumps(channels["InputDataConfig"]), "the tuning job never sees the test split"


@pytest.mark.slow
def test_the_same_data_are_uploaded_once(stack: RunningStack, finished_run: str) -> None:
    again = stack.run(jobs=1, parallel_jobs=1)
    first, second = (stack.api.result(run, "upload_to_s3") for run in (finished_run, again))
    assert second["uploaded_files"] == 0
    assert second["fingerprint"] == first["fingerprint"]
