"""The Params of the tuning half, as the trigger form draws them; a DAG adds those of its data and its model."""

from airflow.sdk import Param

TUNING = {
    "jobs": Param(
        9,
        type="integer",
        minimum=1,
        maximum=750,
        title="Trials",
        description="How many training jobs the tuning job runs in all.",
        section="Search",
    ),
    "parallel_jobs": Param(
        3,
        type="integer",
        minimum=1,
        maximum=100,
        title="Trials at a time",
        description="How many of them run side by side; at most as many as there are trials.",
        section="Search",
    ),
    "seed": Param(
        0,
        type="integer",
        minimum=0,
        maximum=2**31 - 1,
        title="Seed",
        description="Of the validation split, the search and the training: the same seed tries the same settings.",
        section="Search",
    ),
    "instance_type": Param(
        "ml.m5.xlarge",
        type="string",
        pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$",
        examples=["ml.m5.xlarge", "ml.m5.2xlarge", "ml.c5.xlarge", "ml.c5.2xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge"],
        title="Instance type",
        description="The machine of each trial. Types with a GPU get the GPU image.",
        section="Machines",
    ),
    "instance_count": Param(
        1,
        type="integer",
        minimum=1,
        maximum=20,
        title="Instances a trial",
        description="More than one trains a trial on several machines together.",
        section="Machines",
    ),
    "max_runtime_minutes": Param(
        60,
        type="integer",
        minimum=1,
        maximum=28 * 24 * 60,
        title="Longest run of a trial, minutes",
        description="A trial that takes longer is stopped.",
        section="Machines",
    ),
    "role": Param(
        "",
        type=["null", "string"],
        title="Execution role",
        description="Name or ARN of the IAM role that training jobs run under. Empty: the connection's extra "
        "sagemaker_execution_role.",
        section="AWS",
    ),
    "bucket": Param(
        "",
        type=["null", "string"],
        title="Bucket",
        description="Made if missing. Empty: sagemaker-<region>-<account>.",
        section="AWS",
    ),
    "prefix": Param(
        "",
        type=["null", "string"],
        title="Prefix",
        description="Of every S3 key that the run writes. Empty: the deployment's TUNING_PREFIX, else mnist-tuning.",
        section="AWS",
    ),
}
