"""The bundled digits as shards, in a folder and in the S3 of the local SageMaker."""

from pathlib import Path

import pytest

from include.datasets.catalogue import find_dataset
from include.datasets.convert import convert
from include.datasets.sources import download
from tests.conftest import LocalService
from tests.local_sagemaker.conftest import BUCKET
from tests.local_sagemaker.training_script.jobs import CHANNELS, SHARDS, VALIDATION


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the channels train (1,200 images in 4 shards) and validation (237 images)."""
    folder, dataset = tmp_path_factory.mktemp("digits"), find_dataset("digits")
    download(dataset, folder / "raw")
    converted = convert(folder / "raw", folder, dataset=dataset, validation=VALIDATION, shards=SHARDS)
    assert converted["examples"]["train"] == 1200
    return Path(converted["uri"])


@pytest.fixture(scope="session")
def digits_in_s3(service: LocalService, digits: Path) -> str:
    """The s3:// address of the two channels."""
    for channel in CHANNELS:
        for path in (digits / channel).iterdir():
            service.client("s3").upload_file(str(path), BUCKET, f"digits/{channel}/{path.name}")
    return f"s3://{BUCKET}/digits"
