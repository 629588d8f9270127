"""From a dataset's name to the best model that SageMaker finds: download, convert, upload, tune, keep the best.

Wiring only. What happens is in plugins/sagemaker_tuning and include/.
"""

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, Param, task

from include import settings
from include.tuning.study import Choice, Objective, Range, Study
from sagemaker_tuning.params import DATA, TRAINING, TUNING, search_space
from sagemaker_tuning.task_errors import retry_policy
from sagemaker_tuning.task_group import tune

NUMBER = r"([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?)"
STUDY = Study(
    code="training",
    entry_point="mnist.py",
    framework="tensorflow",
    framework_version="2.19",
    objective=Objective(metric="loss", pattern=rf"\bloss = {NUMBER}", direction="Minimize"),
    watched={"accuracy": rf"\baccuracy = {NUMBER}"},
    hyperparameters=(
        Range(
            "learning_rate",
            "continuous",
            value=0.05,
            low=0.01,
            high=0.2,
            least=1e-8,
            most=10,
            title="Learning rate",
            help="0.01 to 0.2 suits sgd, 0.0005 to 0.005 adam.",
        ),
        Range("momentum", "continuous", value=0.9, low=0.5, high=0.99, least=0, most=0.999, title="Momentum"),
        Choice("optimizer", value="sgd", values=("sgd", "nesterov", "adam"), title="Optimizer"),
        Range("batch_size", "integer", value=100, low=32, high=256, least=1, most=65536, title="Batch size"),
        Range("dense_units", "integer", value=1024, low=128, high=1024, least=1, most=65536, title="Dense units"),
        Range("dropout", "continuous", value=0.4, low=0.1, high=0.6, least=0, most=0.95, title="Dropout"),
    ),
    tuned=("learning_rate",),
    fixed=("training_steps", "evaluation_steps", "evaluate_every", "seed"),
    emissions=("training_steps", "evaluate_every"),
    shared="batch_size",
)

SETTINGS = settings.read(os.environ)
DATASET = Asset("mnist_dataset")
"""Whoever has new data updates this asset; the event's extra says where it lies: {"dataset": ..., "source": ...}."""
BEST_MODEL = Asset("mnist_best_model")
"""Has an event whenever a run finds a better model than the reigning one."""
SCHEDULE = (
    AssetOrTimeSchedule(timetable=CronTriggerTimetable(SETTINGS.schedule, timezone="UTC"), assets=[DATASET])
    if SETTINGS.schedule
    else [DATASET]
)

DATA_PARAMS = {
    "dataset": Param(
        "mnist",
        type="string",
        enum=["mnist", "fashion-mnist", "kmnist", "digits"],
        values_display={
            "mnist": "MNIST: handwritten digits",
            "fashion-mnist": "Fashion-MNIST: articles of clothing",
            "kmnist": "KMNIST: cursive Japanese characters",
            "digits": "Digits: small, bundled with scikit-learn, needs no network",
        },
        title="Dataset",
        description="Fetched from its public mirrors, unless a source is given.",
        section=DATA,
    ),
    "source": Param(
        "",
        type=["null", "string"],
        title="Source",
        description="A folder, http(s):// URL or s3:// prefix with the four IDX files. Empty: where the newest update "
        "of the asset mnist_dataset leads, else the dataset's mirrors.",
        section=DATA,
    ),
    "validation_size": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        title="Validation split",
        description="Training examples set aside to judge trials by: a count, or a share below 1. "
        "Empty: the dataset's own, 5000 for MNIST.",
        section=DATA,
    ),
    "stratify": Param(
        False,
        type="boolean",
        title="Stratified split",
        description="Each class keeps its share in the validation split.",
        section=DATA,
    ),
    "shards": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        maximum=10_000,
        title="Shards per split",
        description="TFRecord files that each split is cut into. Empty: at least 4, and as many for each instance of a "
        "trial.",
        section=DATA,
    ),
    "kms_key": Param(
        "",
        type=["null", "string"],
        title="KMS key",
        description="Id, alias or ARN of the key that encrypts the dataset on S3; the execution role needs to use it. "
        "Empty: the deployment's TUNING_KMS_KEY, else S3's own keys.",
        section=DATA,
    ),
}
TRAINING_PARAMS = {
    "training_steps": Param(
        1000,
        type="integer",
        minimum=1,
        maximum=10**8,
        title="Training steps",
        description="Batches that each trial trains on.",
        section=TRAINING,
    ),
    "evaluation_steps": Param(
        100,
        type="integer",
        minimum=1,
        maximum=10**8,
        title="Evaluation steps",
        description="Batches of 100 images of the validation split in an evaluation; at most one pass.",
        section=TRAINING,
    ),
    "evaluate_every": Param(
        250,
        type="integer",
        minimum=1,
        maximum=10**8,
        title="Evaluate every",
        description="Training steps between two evaluations, each of which prints the objective and saves a "
        "checkpoint.",
        section=TRAINING,
    ),
}
PARAMS = {**DATA_PARAMS, **search_space(STUDY), **TUNING, **TRAINING_PARAMS}

DOC = """
### Find the best MNIST model within a budget

Fetches a dataset, writes it to S3 as TFRecords, lets SageMaker train a small convolutional network many times over, and
keeps the model with the lowest validation loss.

| task | leaves behind |
|---|---|
| download_dataset, convert_to_tfrecord | the IDX files and TFRecords, in staging |
| upload_to_s3 | `data/<dataset>/<fingerprint>/` in the bucket; nothing is uploaded twice |
| generate_tuning_config | the request, checked against SageMaker's own rules |
| run_tuning_job, wait_for_tuning_job | one tuning job, named after this DAG and run |
| extract_best_model | `best/<tuning job>/best_model.json` and `model.tar.gz` |
| crown_champion | `champions/.../champion.json` and an event of `mnist_best_model`, if it beats the reigning one |
| stop_tuning_job | nothing: it stops a tuning job that nobody waits for any more |

It runs weekly, and at once when the asset `mnist_dataset` is updated. A run that would only repeat the last success is
skipped.

AWS or one machine: the Airflow connection alone decides. Its extra `endpoint_url` leads to another SageMaker,
`sagemaker_execution_role` names the role of the training jobs.
"""

with DAG(
    dag_id="mnist_tuning",
    description="Tunes a convolutional network on SageMaker and keeps the best model.",
    schedule=SCHEDULE,
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    doc_md=DOC,
    tags=["sagemaker", "tuning"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30), "retry_policy": retry_policy()},
) as dag:

    @task(inlets=[DATASET])
    def download_dataset(*, inlet_events: Any = None) -> dict[str, Any]:
        """Fetches the four IDX files into staging and checks them, and the Params before them."""
        from sagemaker_tuning import data_tasks

        return data_tasks.download_dataset(STUDY, inlet_events[DATASET])

    @task
    def convert_to_tfrecord(downloaded: dict[str, Any]) -> dict[str, Any]:
        """Splits off the validation images and writes TFRecord shards into staging."""
        from sagemaker_tuning import data_tasks

        return data_tasks.convert_to_tfrecord(downloaded)

    @task
    def upload_to_s3(converted: dict[str, Any]) -> dict[str, Any]:
        """Uploads the shards that S3 lacks; makes the bucket if it is missing."""
        from sagemaker_tuning import data_tasks

        return data_tasks.upload_to_s3(converted)

    tune(STUDY, upload_to_s3(convert_to_tfrecord(download_dataset())), SETTINGS, BEST_MODEL)
