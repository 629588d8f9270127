"""What makes two runs the same, and the record of the last one that succeeded."""

import copy
import uuid
from pathlib import Path
from typing import Any

from include.storage.s3_layout import S3Layout
from include.tuning import last_success
from tests.conftest import LocalService
from tests.include.tuning.jobs import DATA, LEARNS, tuning_request


def sign(request: dict[str, Any], **changes: Any) -> str:
    arguments: dict[str, Any] = {"data": DATA, "code_sha256": "c0de"} | changes
    return last_success.signature(request, **arguments)


def test_data_code_image_and_search_decide_and_the_name_and_the_place_do_not(
    sagemaker_endpoint: LocalService, tmp_path: Path
) -> None:
    request = tuning_request(sagemaker_endpoint, LEARNS, tmp_path)
    definition = request["TrainingJobDefinition"]
    same = copy.deepcopy(request)
    same["HyperParameterTuningJobName"] = "another"
    same["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"] = "s3://elsewhere"
    same["TrainingJobDefinition"]["ResourceConfig"]["InstanceType"] = "ml.c5.xlarge"
    same["Tags"] = []
    assert sign(same) == sign(request)
    others = [
        sign(request, data=DATA | {"fingerprint": "new"}),
        sign(request, code_sha256="new"),
        sign(_with(request, ("HyperParameterTuningJobConfig", "ResourceLimits", "MaxNumberOfTrainingJobs"), 99)),
        sign(_with(request, ("TrainingJobDefinition", "StaticHyperParameters", "training_steps"), "99")),
        sign(_with(request, ("TrainingJobDefinition", "AlgorithmSpecification", "TrainingImage"), "other")),
    ]
    assert len({sign(request), *others}) == 6
    assert definition["StaticHyperParameters"]["training_steps"] != "99"


def test_the_last_success_is_read_back_and_there_may_be_none(sagemaker_endpoint: LocalService) -> None:
    s3 = sagemaker_endpoint.client("s3")
    layout = S3Layout(f"success-{uuid.uuid4().hex[:8]}", "p")
    assert last_success.read(s3, layout, "dag", "tiny") is None  # nor a bucket
    s3.create_bucket(Bucket=layout.bucket)
    assert last_success.read(s3, layout, "dag", "tiny") is None
    record = {"signature": "s", "tuning_job": "t", "ended": "2026-11-24T07:00:00+00:00", "data": DATA}
    last_success.write(s3, layout, "dag", record)
    assert last_success.read(s3, layout, "dag", "tiny") == last_success.Success("s", "t", "2026-11-24T07:00:00+00:00")


def _with(request: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(request)
    place = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return changed
