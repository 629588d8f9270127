"""How a channel's data arrives: as files, as a read-only view, or through a FIFO an epoch."""

import gzip

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import BUCKET, log_of, trained, training_request

READ_PIPES = """
import os, pathlib
data = pathlib.Path(os.environ["SM_INPUT_DIR"], "data")
for epoch in range(3):
    with open(data / f"train_{epoch}", "rb") as fifo:
        print(epoch, fifo.read().decode())
with open(data / "train_3", "rb") as fifo:
    print("peeked", fifo.read(1).decode())
with open(data / "train_4", "rb") as fifo:
    print(4, len(fifo.read()))
"""
READ_FILES = """
import os, pathlib
folder = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
print(*(path.read_text() for path in sorted(folder.glob("part-*"))))
print(oct(next(folder.glob("part-*")).stat().st_mode & 0o222))
"""


def request_of(service: LocalService, script: str, bodies: list[bytes], **channel: object) -> dict:
    request = training_request(service, script)
    prefix = f"modes-{request['TrainingJobName']}/"
    for part, body in enumerate(bodies):
        service.client("s3").put_object(Bucket=BUCKET, Key=f"{prefix}part-{part}", Body=body)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}"}}
    return request | {"InputDataConfig": [{"ChannelName": "train", "DataSource": source, **channel}]}


def printed(service: LocalService, request: dict) -> list[str]:
    service.client("sagemaker").create_training_job(**request)
    job = trained(service, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return log_of(service, request["TrainingJobName"])


@pytest.mark.parametrize("compression", ["None", "Gzip"])
def test_pipe_mode_streams_the_objects_once_an_epoch(service: LocalService, compression: str) -> None:
    bodies = [b"one ", b"two ", b"three"]
    sent = [gzip.compress(body) for body in bodies] if compression == "Gzip" else bodies
    request = request_of(service, READ_PIPES, sent, InputMode="Pipe", CompressionType=compression)
    assert printed(service, request) == [*(f"{epoch} one two three" for epoch in range(3)), "peeked o", "4 13"]


def test_a_shuffled_pipe_orders_each_epoch_by_its_seed(service: LocalService) -> None:
    bodies = [bytes([97 + part]) for part in range(20)]
    runs = [
        printed(service, request_of(service, READ_PIPES, bodies, InputMode="Pipe", ShuffleConfig={"Seed": 5}))
        for _ in range(2)
    ]
    epochs = [line.split()[1] for line in runs[0][:3]]
    assert runs[0] == runs[1]
    assert len(set(epochs)) == 3
    assert {"".join(sorted(epoch)) for epoch in epochs} == {"abcdefghijklmnopqrst"}


def test_what_can_not_be_piped_fails_the_job(service: LocalService) -> None:
    request = request_of(service, READ_PIPES, [b"no gzip"], InputMode="Pipe", CompressionType="Gzip")
    service.client("sagemaker").create_training_job(**request)
    job = trained(service, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Failed"
    assert "can't be piped into train_0: Not a gzipped file" in job["FailureReason"]


@pytest.mark.parametrize("mode", ["File", "FastFile"])
def test_files_are_a_read_only_view(service: LocalService, mode: str) -> None:
    assert printed(service, request_of(service, READ_FILES, [b"one", b"two"], InputMode=mode)) == ["one two", "0o0"]


SPOIL = """
import os, pathlib
folder = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
(folder / "part-0").unlink()
(folder / "added").write_text("x")
part = folder / "part-1"
part.chmod(0o644)
with part.open("r+") as file:
    file.write("!")
print(*sorted(path.name for path in folder.iterdir()))
"""


def test_what_a_job_does_to_its_files_no_later_job_sees(service: LocalService) -> None:
    spoiling = request_of(service, SPOIL, [b"one", b"two"])
    assert printed(service, spoiling) == ["added part-1"]
    reading = training_request(service, READ_FILES) | {"InputDataConfig": spoiling["InputDataConfig"]}
    assert printed(service, reading) == ["one two", "0o0"]


def test_jobs_share_one_copy_of_their_data(service: LocalService) -> None:
    script = "import os, pathlib\nprint((pathlib.Path(os.environ['SM_CHANNEL_TRAIN']) / 'part-0').stat().st_ino)"
    first = request_of(service, script, [b"one"])
    second = training_request(service, script) | {"InputDataConfig": first["InputDataConfig"]}
    assert printed(service, first) == printed(service, second)


def test_gzip_is_for_pipes_only(service: LocalService) -> None:
    request = request_of(service, READ_FILES, [b""], CompressionType="Gzip")
    with pytest.raises(ClientError, match="is for the input mode Pipe only; its mode is File"):
        service.client("sagemaker").create_training_job(**request)
