"""The one place that spells where things lie on S3."""

import re
from dataclasses import dataclass

from include.errors import StorageError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class S3Layout:
    """Keys under s3://bucket/prefix. Key prefixes have no slash at their end; prefix may be ""."""

    bucket: str
    prefix: str

    def __post_init__(self) -> None:
        if not _BUCKET.fullmatch(self.bucket):
            raise StorageError(
                f"Bucket name {self.bucket!r}: S3 takes 3 to 63 lower-case letters, digits, dots and hyphens"
            )

    def data(self, dataset: str, fingerprint: str) -> str:
        """Key prefix of a converted dataset, which holds a folder for each split and manifest.json."""
        return self._key("data", dataset, fingerprint)

    def split(self, dataset: str, fingerprint: str, split: str) -> str:
        """Key prefix of a split's shards."""
        return self._key("data", dataset, fingerprint, split)

    def code(self, sha256: str) -> str:
        """Key of a training code's tarball."""
        return self._key("code", sha256, "sourcedir.tar.gz")

    def jobs(self, tuning_job: str) -> str:
        """Key prefix under which a tuning job's trials leave `<training job>/output/model.tar.gz`."""
        return self._key("jobs", tuning_job)

    def checkpoints(self, tuning_job: str) -> str:
        """Key prefix under which the trials on spot instances leave what they go on from."""
        return self._key("checkpoints", tuning_job)

    def best(self, tuning_job: str) -> str:
        """Key prefix of a tuning job's best model."""
        return self._key("best", tuning_job)

    def champion(self, dag_id: str, dataset: str) -> str:
        """Key of the record of the best model so far of a DAG on a dataset."""
        return self._key("champions", dag_id, dataset, "champion.json")

    def last_success(self, dag_id: str, dataset: str) -> str:
        """Key of the record of what the last successful run of a DAG on a dataset was."""
        return self._key("champions", dag_id, dataset, "last_success.json")

    def uri(self, key: str) -> str:
        """s3://bucket/key."""
        return f"s3://{self.bucket}/{key}"

    def _key(self, *parts: str) -> str:
        return "/".join(part for part in (self.prefix.strip("/"), *parts) if part)


def default_bucket(region: str, account: str) -> str:
    """The bucket that SageMaker's own SDK uses unless told otherwise."""
    return f"sagemaker-{region}-{account}"


def dataset_of(split_uri: str) -> str:
    """The name of the dataset that a split's URI, as `split` spells it, belongs to; "" for another URI."""
    parts = split_uri.strip("/").split("/")
    return parts[-3] if len(parts) > 4 and parts[-4] == "data" else ""


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """(bucket, key without slashes at its ends). Raises StorageError if it is not s3://bucket/..."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not _BUCKET.fullmatch(bucket):
        raise StorageError(f"{uri!r} is not an S3 URI: write s3://bucket/prefix")
    return bucket, key.strip("/")
