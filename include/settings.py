"""What the environment says, as one frozen value. Nothing is read at import: the edge calls `read(os.environ)` once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from include.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parents[1]
STAGING_URL = "TUNING_STAGING_URL"
MIRRORS = "TUNING_DATASET_MIRRORS"
BUCKET = "TUNING_BUCKET"
PREFIX = "TUNING_PREFIX"
KMS_KEY = "TUNING_KMS_KEY"
CONNECTION = "TUNING_AWS_CONN_ID"
POLL_SECONDS = "TUNING_POLL_SECONDS"
SCHEDULE = "TUNING_SCHEDULE"
WEEKLY = "0 3 * * 1"


@dataclass(frozen=True)
class Settings:
    """Choices of a deployment, as against those of a run, which are the DAG's Params."""

    staging_url: str
    """Where tasks leave files for each other: file:///..., or s3://<connection>@<bucket>/... between machines."""
    mirrors: tuple[str, ...]
    """URLs to fetch datasets from instead of the public mirrors; `{dataset}` becomes the dataset's name."""
    bucket: str
    """"" means SageMaker's own default, sagemaker-<region>-<account>."""
    prefix: str
    kms_key: str
    """Id, alias or ARN of the KMS key that datasets on S3 are encrypted with; "" means S3's own keys."""
    connection: str
    """The Airflow connection that every AWS client comes from; it alone decides between AWS and one machine."""
    poll_seconds: float
    """Seconds between two looks at a tuning job in progress."""
    schedule: str
    """Cron expression in UTC of the runs that nobody triggers; "" means none but those that new data triggers."""


def read(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`, defaults for what it lacks. Raises SettingsError naming the variable and its value."""
    return Settings(
        staging_url=_staging_url(environ),
        mirrors=tuple(environ.get(MIRRORS, "").replace(",", " ").split()),
        bucket=environ.get(BUCKET, ""),
        prefix=environ.get(PREFIX, "mnist-tuning").strip("/"),
        kms_key=environ.get(KMS_KEY, ""),
        connection=environ.get(CONNECTION, "aws_default"),
        poll_seconds=_positive(environ, POLL_SECONDS, default=10),
        schedule=environ.get(SCHEDULE, WEEKLY).strip(),
    )


def _staging_url(environ: Mapping[str, str]) -> str:
    home = Path(environ.get("AIRFLOW_HOME", "~/airflow")).expanduser().absolute()
    url = environ.get(STAGING_URL, (home / "staging").as_uri())
    if not url.startswith(("file:///", "s3://")):
        raise SettingsError(f"{STAGING_URL}={url!r} is no staging place; give a file:///... or an s3://... URL")
    return url.rstrip("/")


def _positive(environ: Mapping[str, str], name: str, *, default: float) -> float:
    text = environ.get(name, str(default))
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise SettingsError(f"{name}={text!r} is not a number above 0")
    return number
