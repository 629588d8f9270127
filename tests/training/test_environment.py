import json
from pathlib import Path

import pytest

from cluster import tf_config
from environment import read, write_failure
from errors import ClusterError, DataError


def test_directories_of_the_container_are_the_defaults() -> None:
    job = read({})
    assert (job.base, job.model, job.hosts, job.cpus) == (Path("/opt/ml"), Path("/opt/ml/model"), ("algo-1",), None)


def test_hosts_come_from_the_toolkits_variables() -> None:
    job = read({"SM_HOSTS": '["algo-1", "algo-2"]', "SM_CURRENT_HOST": "algo-2", "SM_NUM_CPUS": "2"})
    assert (job.hosts, job.current_host, job.cpus) == (("algo-1", "algo-2"), "algo-2", 2)


def test_hosts_come_from_resourceconfig_where_there_is_no_toolkit(tmp_path: Path) -> None:
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    (config / "resourceconfig.json").write_text('{"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}')
    job = read({"SAGEMAKER_BASE_DIR": str(tmp_path)})
    assert (job.hosts, job.current_host) == (("algo-1", "algo-2"), "algo-2")


def test_a_host_that_is_not_among_the_hosts_is_named() -> None:
    with pytest.raises(ClusterError, match="SM_CURRENT_HOST=algo-9 is not among the hosts algo-1"):
        read({"SM_CURRENT_HOST": "algo-9"})


@pytest.mark.parametrize(("kind", "sharded"), [("ShardedByS3Key", True), ("FullyReplicated", False)])
def test_whether_sagemaker_has_shared_out_the_shards_already(kind: str, sharded: bool) -> None:
    channels = json.dumps({"train": {"TrainingInputMode": "File", "S3DistributionType": kind}})
    assert read({"SM_INPUT_DATA_CONFIG": channels}).sharded_by_host is sharded


def test_a_missing_channel_is_named() -> None:
    with pytest.raises(DataError, match="the job has no channel 'validation'"):
        read({"SM_CHANNEL_TRAIN": "/data"}).channel("validation")


def test_tf_config_is_the_one_of_the_tensorflow_container() -> None:
    job = read({"SM_HOSTS": '["algo-1", "algo-2"]', "SM_CURRENT_HOST": "algo-2"})
    assert tf_config(job) == {
        "cluster": {"worker": ["algo-1:8890", "algo-2:8890"]},
        "environment": "cloud",
        "task": {"type": "worker", "index": 1},
    }


def test_the_failure_file_is_made_with_its_folder(tmp_path: Path) -> None:
    write_failure(tmp_path, "no")
    assert (tmp_path / "output" / "failure").read_text() == "no"


def test_trials_that_share_checkpoints_on_s3_keep_apart_and_other_jobs_do_not(tmp_path: Path) -> None:
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    variables = {"SAGEMAKER_BASE_DIR": str(tmp_path), "TRAINING_JOB_NAME": "tune-001"}
    assert read(variables).checkpoints == tmp_path / "checkpoints"
    (config / "hyperparameters.json").write_text('{"_tuning_objective_metric": "loss"}')
    assert read(variables).checkpoints == tmp_path / "checkpoints" / "tune-001"
