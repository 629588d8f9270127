"""Every exception that include raises on purpose; a bug is never one of these."""

from collections.abc import Sequence


class ProjectError(Exception):
    """A user's mistake or an outside fault. Its text is one line: what, where, the value, what to do."""


class SettingsError(ProjectError):
    """An environment variable holds what it can't."""


class _FaultsError(ProjectError):
    """Everything wrong with one thing at once, so that a user mends it in one go."""

    subject: str

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{count} in {self.subject}: {'; '.join(faults)}")


class TuningParamsError(_FaultsError):
    """The run's Params contradict each other or can't be sent to AWS."""

    subject = "the Params"


class TuningRequestError(_FaultsError):
    """The request breaks SageMaker's own constraints; nothing was sent."""

    subject = "the tuning request"


class SourceCodeError(ProjectError):
    """The training folder can't be packed."""


class ImageError(ProjectError):
    """AWS publishes no such training image."""


class RoleError(ProjectError):
    """No execution role is given, or the one given does not exist."""


class TuningJobError(ProjectError):
    """The tuning job ended without what was asked of it."""


class RunAbandonedError(TuningJobError):
    """Somebody gave the run up while its tuning job ran."""


class NoBestModelError(TuningJobError):
    """No trial of the tuning job has a metric and a model."""


class PolicyError(ProjectError):
    """What stands for a placeholder of a policy can't be part of one."""


class UnknownDatasetError(ProjectError):
    """A dataset's name that the catalogue does not hold."""


class SourceError(ProjectError):
    """A source (folder, URL, S3 prefix) that cannot be read, or lacks one of the four files."""


class MirrorsDownError(SourceError):
    """No mirror of a dataset answered with a good file."""


class CorruptArchiveError(ProjectError):
    """A gzip file that ends too early or does not decompress."""


class ChecksumError(ProjectError):
    """Bytes that are not the ones that their checksum promises."""


class IdxFormatError(ProjectError):
    """A file that is not the IDX file that it should be."""


class DatasetMismatchError(ProjectError):
    """Images and labels that do not belong together, or labels outside the dataset's classes."""


class SplitError(ProjectError):
    """A validation size or a number of shards that the examples cannot give."""


class StagingError(ProjectError):
    """A staging path that cannot be written or does not hold what it should."""


class StorageError(ProjectError):
    """S3 refused or failed; the text says which bucket and key, and what to do."""


class BucketMissingError(StorageError):
    """The bucket does not exist."""


class BucketForbiddenError(StorageError):
    """The credentials may not use the bucket."""


class BucketForeignError(StorageError):
    """The bucket's name belongs to another account or lies in another region."""


class StorageUnavailableError(StorageError):
    """S3 could not be reached or kept answering 500, 503 or 429 after every retry."""


class StackError(ProjectError):
    """The stack on this machine can't be started, reached or finished."""


class RunFailedError(StackError):
    """The DAG's run failed; the text names the task and its reason."""
