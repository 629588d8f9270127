"""Source archives in, model archives out. What is unpacked never leaves its folder."""

import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from local_sagemaker.actor import Actor
from local_sagemaker.errors import TrainingError
from local_sagemaker.training.opt_ml import OptMl

_TRANSFER = TransferConfig(multipart_threshold=2**27, use_threads=False)  # MiniStack copies parts to put them together
_LEVEL = 0  # of gzip: weights hardly get smaller, and a trial that ends holds up those that train


def split_uri(uri: str) -> tuple[str, str]:
    """(bucket, key) of an s3:// address. Raises TrainingError."""
    if not uri.startswith("s3://"):
        raise TrainingError(f"ClientError: {uri!r} is not an S3 address; it must start with s3://.")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def unpack_source(actor: Actor, uri: str, folder: Path) -> None:
    """Fetch a source archive and unpack it into `folder`. Raises TrainingError, naming a member that would leave it."""
    archive = folder.parent / "sourcedir.tar.gz"
    bucket, key = split_uri(uri)
    try:
        actor.s3.download_file(bucket, key, str(archive))
    except ClientError as error:
        reason = actor.explain(error, uri)
        raise TrainingError(f"ClientError: The source archive {uri} can't be read: {reason}") from None
    try:
        with tarfile.open(archive) as source:
            _extract(source, folder)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise TrainingError(f"ClientError: The source archive {uri} can't be unpacked: {error}") from None
    finally:
        archive.unlink(missing_ok=True)


def _extract(source: tarfile.TarFile, folder: Path) -> None:
    """With the standard library's filter; before Python 3.11.4 it has none, and files and folders alone are taken."""
    if hasattr(tarfile, "data_filter"):
        source.extractall(folder, filter="data")
        return
    inside = folder.resolve()
    for member in source.getmembers():
        if not (member.isfile() or member.isdir()) or not (inside / member.name).resolve().is_relative_to(inside):
            raise tarfile.TarError(f"{member.name!r} is no file or folder below the archive's own")
    source.extractall(folder)


def upload_artifacts(actor: Actor, request: dict[str, Any], hosts: Sequence[OptMl]) -> None:
    """Put the model's and the output's files below <S3OutputPath>/<job>/output/, as archives unless told otherwise.

    What the hosts left is merged; of files with the same name the first host's is taken. Raises TrainingError.
    """
    bucket, prefix = split_uri(output_prefix(request))
    for name, folders in (
        ("model", [host.model for host in hosts]),
        ("output", [host.output / "data" for host in hosts]),
    ):
        merged = _merged(folders)
        files = {member: path for member, path in merged.items() if path.is_file() and not path.is_symlink()}
        if not files:
            continue
        if request["OutputDataConfig"].get("CompressionType") == "NONE":
            for member, path in files.items():
                _upload(actor, path, bucket, f"{prefix}/{name}/{member}")
            continue
        archive = hosts[0].root / f"{name}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=_LEVEL) as tar:
            for member, path in merged.items():
                tar.add(path, arcname=member, recursive=False)
        _upload(actor, archive, bucket, f"{prefix}/{name}.tar.gz")
        archive.unlink()


def _upload(actor: Actor, path: Path, bucket: str, key: str) -> None:
    where = f"s3://{bucket}/{key}"
    try:
        with path.open("rb") as file:
            actor.s3.upload_fileobj(file, bucket, key, Config=_TRANSFER)
    except ClientError as error:
        raise TrainingError(f"ClientError: {where} can't be written: {actor.explain(error, where)}") from None


def _merged(folders: Sequence[Path]) -> dict[str, Path]:
    """Every file and folder below `folders`, by its path there, in order."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            found.setdefault(path.relative_to(folder).as_posix(), path)
    return dict(sorted(found.items()))


def output_prefix(request: dict[str, Any]) -> str:
    """The s3:// address below which a job's artifacts lie."""
    return f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{request['TrainingJobName']}/output"


def model_artifacts_uri(request: dict[str, Any]) -> str:
    """ModelArtifacts.S3ModelArtifacts: where the model is, or will be."""
    compressed = request["OutputDataConfig"].get("CompressionType") != "NONE"
    return f"{output_prefix(request)}/{'model.tar.gz' if compressed else 'model/'}"
