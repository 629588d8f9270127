"""Training images as the SDK names them, with and without the SDK."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.session import get_session

from include.errors import ImageError
from include.tuning import images, search_space
from tests.include.tuning.jobs import IMAGE, STUDY


@pytest.fixture
def _without_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an archive for Amazon MWAA: the SDK's answers packed, the SDK itself not to be imported."""
    packed = tmp_path / "training_images.json"
    packed.write_text(json.dumps(images.packed_images([STUDY])))
    monkeypatch.setattr(images, "PACKED", packed)
    for name in ("sagemaker", "sagemaker.core", "sagemaker.core.image_uris", "sagemaker.core.parameter"):
        monkeypatch.setitem(sys.modules, name, None)


def test_the_image_is_the_sdks_and_an_unknown_one_is_an_error_with_a_reason() -> None:
    assert images.training_image(STUDY, "us-east-1", "ml.m5.xlarge") == IMAGE
    assert "-gpu-" in images.training_image(STUDY, "eu-west-1", "ml.g5.xlarge")
    with pytest.raises(ImageError, match=r"no tensorflow 99\.0 training image for ml\.m5\.xlarge in us-east-1: .+"):
        images.training_image(replace(STUDY, framework_version="99.0"), "us-east-1", "ml.m5.xlarge")


def test_every_family_of_instances_has_the_same_image_without_the_sdk(request: pytest.FixtureRequest) -> None:
    shape = get_session().get_service_model("sagemaker").shape_for("TrainingInstanceType")
    # The SDK has no image for the chips of inf and trn, and none any more for p2.
    families = {name.split(".")[1]: name for name in shape.metadata["enum"]}
    types = [name for family, name in families.items() if not family.startswith(("trn", "inf", "p2"))]
    assert len(types) > 20
    asked = {name: images.training_image(STUDY, "eu-central-1", name) for name in types}
    request.getfixturevalue("_without_sdk")
    assert {name: images.training_image(STUDY, "eu-central-1", name) for name in types} == asked


@pytest.mark.usefixtures("_without_sdk")
@pytest.mark.parametrize(
    ("study", "region", "instance_type"),
    [
        (replace(STUDY, framework_version="99.0"), "eu-west-1", "ml.m5.xlarge"),
        (STUDY, "mars-north-1", "ml.m5.xlarge"),
        (STUDY, "us-east-1", "ml.trn1.2xlarge"),
    ],
)
def test_what_was_not_packed_says_so(study, region: str, instance_type: str) -> None:
    with pytest.raises(ImageError, match=r"knows tensorflow 2\.19; pack it again with `make mwaa`"):
        images.training_image(study, region, instance_type)


def test_a_framework_that_the_sdk_lacks_is_not_packed() -> None:
    with pytest.raises(ImageError, match=r"no tensorflow 99\.0 training image for any instance type in any region"):
        images.packed_images([replace(STUDY, framework_version="99.0")])


def test_ranges_are_the_same_without_the_sdk(request: pytest.FixtureRequest) -> None:
    space = {
        "rate": {"kind": "continuous", "scaling": "Logarithmic", "min": 1e-8, "max": 10},
        "momentum": {"kind": "continuous", "scaling": "Auto", "min": 0, "max": 0.999},
        "batch": {"kind": "integer", "scaling": "Linear", "min": 1, "max": 65536},
        "optimizer": {"kind": "categorical", "values": ["sgd", "adam", 3, 0.5]},
    }
    with_sdk = search_space.parameter_ranges(space)
    request.getfixturevalue("_without_sdk")
    assert search_space.parameter_ranges(space) == with_sdk
