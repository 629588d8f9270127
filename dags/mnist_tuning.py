"""From a dataset's name to the best model that SageMaker finds: download, convert, upload, tune, keep the best.

Wiring only. What happens is in plugins/sagemaker_tuning and include/.
"""

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task

from include import settings
from include.tuning.study import Objective, Range, Study
from sagemaker_tuning.params import TUNING
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
    ranges=(Range("learning_rate", "continuous"),),
    fixed=("training_steps", "evaluation_steps", "seed"),
)

PARAMS = {
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
        section="Data",
    ),
    "source": Param(
        "",
        type=["null", "string"],
        title="Source",
        description="A folder, http(s):// URL or s3:// prefix with the four IDX files, instead of the mirrors.",
        section="Data",
    ),
    "validation_size": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        title="Validation split",
        description="Training examples set aside to judge trials by: a count, or a share below 1. "
        "Empty: the dataset's own, 5000 for MNIST.",
        section="Data",
    ),
    "stratify": Param(
        False,
        type="boolean",
        title="Stratified split",
        description="Each class keeps its share in the validation split.",
        section="Data",
    ),
    "shards": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        maximum=10_000,
        title="Shards per split",
        description="TFRecord files that each split is cut into. Empty: at least 4, and as many for each instance of a "
        "trial.",
        section="Data",
    ),
    "kms_key": Param(
        "",
        type=["null", "string"],
        title="KMS key",
        description="Id, alias or ARN of the key that encrypts the dataset on S3; the execution role needs to use it. "
        "Empty: the deployment's TUNING_KMS_KEY, else S3's own keys.",
        section="Data",
    ),
    "learning_rate_min": Param(
        0.01,
        type="number",
        exclusiveMinimum=0,
        maximum=10,
        title="Learning rate, from",
        description="Lower end of what the search tries.",
        section="Search space",
    ),
    "learning_rate_max": Param(
        0.2,
        type="number",
        exclusiveMinimum=0,
        maximum=10,
        title="Learning rate, to",
        description="Upper end; above the lower one.",
        section="Search space",
    ),
    "training_steps": Param(
        1000,
        type="integer",
        minimum=1,
        maximum=10**8,
        title="Training steps",
        description="Batches of 100 images that each trial trains on.",
        section="Training",
    ),
    "evaluation_steps": Param(
        100,
        type="integer",
        minimum=1,
        maximum=10**8,
        title="Evaluation steps",
        description="Batches of 100 images of the validation split in an evaluation; at most one pass.",
        section="Training",
    ),
    **TUNING,
}

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

AWS or one machine: the Airflow connection alone decides. Its extra `endpoint_url` leads to another SageMaker,
`sagemaker_execution_role` names the role of the training jobs.
"""

with DAG(
    dag_id="mnist_tuning",
    description="Tunes a convolutional network on SageMaker and keeps the best model.",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    doc_md=DOC,
    tags=["sagemaker", "tuning"],
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30), "retry_policy": retry_policy()},
) as dag:

    @task
    def download_dataset() -> dict[str, Any]:
        """Fetches the four IDX files into staging and checks them, and the Params before them."""
        from sagemaker_tuning import data_tasks

        return data_tasks.download_dataset(STUDY)

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

    tune(STUDY, upload_to_s3(convert_to_tfrecord(download_dataset())), settings.read(os.environ))
