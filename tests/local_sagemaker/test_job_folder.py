"""What a training job brings of its own, requirements and CPUs, and that it can be deleted."""

import io
import tarfile
import zipfile

import pytest
from botocore.exceptions import ClientError

from local_sagemaker.records import TrainingJob, TuningJob
from local_sagemaker.store import Store
from local_sagemaker.training import capacity
from tests.conftest import LocalService
from tests.local_sagemaker.conftest import BUCKET, log_of, trained, training_request, tuned, tuning_request

WHEEL = "tiny_of_its_own-1.0-py3-none-any.whl"


def source_with_requirements(service: LocalService, requirement: str) -> str:
    script = b"import numpy, sys, tiny_of_its_own\nprint(tiny_of_its_own.__file__, numpy.__name__, *sys.argv[1:])\n"
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_of_its_own.py", "")
        info = "tiny_of_its_own-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-of-its-own\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    files = {"train.py": script, WHEEL: wheel.getvalue(), "requirements.txt": requirement.encode()}
    source = io.BytesIO()
    with tarfile.open(fileobj=source, mode="w:gz") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    key = f"code/requirements/{hash(requirement)}.tar.gz"
    service.client("s3").put_object(Bucket=BUCKET, Key=key, Body=source.getvalue())
    return f"s3://{BUCKET}/{key}"


def run(service: LocalService, requirement: str) -> dict:
    request = training_request(service, "")
    source = source_with_requirements(service, requirement)
    request["HyperParameters"] |= {"sagemaker_submit_directory": source, "rate": "1"}
    service.client("sagemaker").create_training_job(**request)
    return trained(service, request["TrainingJobName"])


def test_requirements_are_installed_for_the_job_alone(service: LocalService) -> None:
    job = run(service, f"./{WHEEL}\n")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    place, *others = log_of(service, job["TrainingJobName"])[-1].split()
    assert place.startswith(str(service.state / "training-jobs" / job["TrainingJobName"] / "algo-1" / "packages"))
    assert others == ["numpy", "--rate", "1"]


def test_requirements_that_can_not_be_installed_are_the_reason(service: LocalService) -> None:
    job = run(service, "./absent.whl\n")
    assert job["TrainingJobStatus"] == "Failed"
    assert "InstallRequirementsError: ExitCode 1" in job["FailureReason"]


def test_a_deleted_job_is_forgotten_and_its_name_free(service: LocalService) -> None:
    client, request = service.client("sagemaker"), training_request(service, "print('loss = 1')")
    name = request["TrainingJobName"]
    for _ in range(2):
        client.create_training_job(**request)
        assert trained(service, name)["TrainingJobStatus"] == "Completed"
        client.delete_training_job(TrainingJobName=name)
        with pytest.raises(ClientError, match=r"Requested resource not found\."):
            client.describe_training_job(TrainingJobName=name)
        assert not (service.state / "training-jobs" / name).exists()
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.delete_training_job(TrainingJobName=name)


def test_a_job_that_runs_can_not_be_deleted(service: LocalService) -> None:
    client, request = service.client("sagemaker"), training_request(service, "import time; time.sleep(60)")
    client.create_training_job(**request)
    with pytest.raises(client.exceptions.ResourceInUse, match="stop it before you delete it"):
        client.delete_training_job(TrainingJobName=request["TrainingJobName"])
    client.stop_training_job(TrainingJobName=request["TrainingJobName"])
    trained(service, request["TrainingJobName"])


def test_more_trials_than_cores_all_run(service: LocalService) -> None:
    request = tuning_request(service, jobs=8, parallel=8)
    service.client("sagemaker").create_hyper_parameter_tuning_job(**request)
    assert tuned(service, request["HyperParameterTuningJobName"])["TrainingJobStatusCounters"]["Completed"] == 8


@pytest.mark.parametrize(
    ("instance", "cpus"),
    [("ml.m5.large", 2), ("ml.m5.xlarge", 4), ("ml.c5.9xlarge", 36), ("ml.t3.medium", 2), ("ml.m8i.96xlarge", 384)],
)
def test_an_instance_has_the_cpus_of_its_size(instance: str, cpus: int) -> None:
    assert capacity.instance_cpus(instance) == cpus


@pytest.mark.parametrize(
    ("machine", "parallel", "instances", "cpus"),
    [(16, 1, 1, 4), (16, 5, 1, 3), (16, 2, 3, 2), (2, 3, 1, 2), (1, 3, 1, 1)],
)
def test_trials_share_the_machine_evenly(
    monkeypatch: pytest.MonkeyPatch, tmp_path, machine: int, parallel: int, instances: int, cpus: int
) -> None:
    monkeypatch.setattr(capacity, "machine_cpus", lambda: machine)
    store = Store(tmp_path / "store.sqlite")
    limits = {"MaxParallelTrainingJobs": parallel, "MaxNumberOfTrainingJobs": 20}
    store.add_tuning_job(
        TuningJob("t", "t", {"HyperParameterTuningJobConfig": {"ResourceLimits": limits}}, 0, 0, 0), {}
    )
    resources = {"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": instances}}
    trial = TrainingJob("a", "a", resources, 0, 0, tuning_job="t", trial=1)
    store.add_training_job(trial, {})
    assert capacity.cpus(store, trial) == cpus
    store.close()
