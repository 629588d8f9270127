"""The SageMaker SDK's HyperparameterTuner: one call tunes, waits, and its analytics read the trials."""

from pathlib import Path

import pytest

from tests.contract.conftest import Target

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")


def test_the_tuner_tunes_waits_and_analyses(
    target: Target, source_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.parameter import ContinuousParameter
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, SourceCode, StoppingCondition
    from sagemaker.train.tuner import HyperparameterTuner

    trainer = ModelTrainer(
        training_image=target.image,
        role=target.role_arn,
        # The bucket is given because the SDK would ask STS for the account at AWS's fixed address.
        sagemaker_session=Session(default_bucket=target.bucket),
        source_code=SourceCode(source_dir=str(source_dir), entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=5),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
        base_job_name="contract-sdk",
    )
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name="loss",
        hyperparameter_ranges={"rate": ContinuousParameter(0.0, 1.0)},
        metric_definitions=[{"Name": "loss", "Regex": "loss = ([0-9.]+)"}],
        strategy="Random",
        objective_type="Minimize",
        max_jobs=3,
        max_parallel_jobs=2,
    )
    tuner.tune(inputs=target.data, job_name=target.name("sdk"), wait=True)
    frame = tuner.analytics().dataframe()
    assert len(frame) == 3
    assert set(frame["TrainingJobStatus"]) == {"Completed"}
    best = frame.sort_values("FinalObjectiveValue").iloc[0]
    assert tuner.best_training_job() == best["TrainingJobName"]
    assert best["FinalObjectiveValue"] == pytest.approx((best["rate"] - 0.3) ** 2, abs=1e-5)
