import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import evaluate
import export
from errors import DataError
from evaluation import Evaluation
from hyperparameters import Hyperparameters
from model import Mode, ModelParams, build, model_fn
from tests.training.fake_records import fake_images, write_shards

IMAGES, LABELS = fake_images(12)


@pytest.fixture
def params(tiny: Hyperparameters) -> ModelParams:
    tf.keras.utils.set_random_seed(0)
    return build(tiny, (28, 28))


def test_export_and_reload_agree(params: ModelParams, tmp_path: Path) -> None:
    export.export(params, (28, 28), tmp_path)
    served = export.load(tmp_path)(images=tf.constant(IMAGES))
    predictions = model_fn(IMAGES, None, Mode.PREDICT, params).predictions
    assert predictions is not None
    np.testing.assert_allclose(served["probabilities"], predictions["probabilities"], atol=1e-6)
    np.testing.assert_array_equal(served["classes"], predictions["classes"])


def test_the_signature_takes_raw_pixels_and_any_number_of_them(params: ModelParams, tmp_path: Path) -> None:
    target = export.export(params, (28, 28), tmp_path)
    assert target.name.isdigit()
    signature = export.load(tmp_path)
    assert signature.structured_input_signature[1]["images"] == tf.TensorSpec((None, 28, 28), tf.uint8, "images")
    for count in (1, 5):
        assert signature(images=tf.constant(IMAGES[:count]))["classes"].shape == (count,)


def test_metrics_lie_beside_the_version(tmp_path: Path, tiny: Hyperparameters) -> None:
    evaluation = Evaluation(loss=0.1, accuracy=0.9, examples=20, step=12)
    export.write_metrics(tmp_path, step=12, evaluation=evaluation, hyperparameters=tiny)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["validation"] == {"loss": 0.1, "accuracy": 0.9, "examples": 20, "step": 12}
    assert (metrics["step"], metrics["hyperparameters"]["dense_units"]) == (12, 16)


def test_the_held_out_test_prints_one_line_of_json_last(
    params: ModelParams, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export.export(params, (28, 28), tmp_path / "model")
    data = write_shards(tmp_path / "test", IMAGES, LABELS)
    assert evaluate.main(["--model", str(tmp_path / "model"), "--data", str(data)]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    expected = model_fn(IMAGES, LABELS, Mode.EVAL, params)
    assert result == {
        "accuracy": pytest.approx(float(expected.accuracy)),
        "loss": pytest.approx(float(expected.loss), rel=1e-5),
        "examples": 12,
    }


def test_the_held_out_test_names_a_folder_without_a_model(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main(["--model", str(tmp_path), "--data", str(shards / "train")]) == 1
    assert capsys.readouterr().err == f"{tmp_path} holds no <version>/saved_model.pb: unpack model.tar.gz there\n"


def test_images_of_another_size_are_refused(params: ModelParams, tmp_path: Path) -> None:
    export.export(params, (28, 28), tmp_path / "model")
    data = write_shards(tmp_path / "test", *fake_images(3, size=12))
    with pytest.raises(DataError, match=r"wants images of \(28, 28\)"):
        evaluate.evaluate(tmp_path / "model", data)
