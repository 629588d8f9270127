"""Bodies of the data tasks: from a dataset's name to its TFRecords in S3. Each returns plain JSON for the next one."""

import logging
from collections.abc import Sequence
from typing import Any

from airflow.sdk import ObjectStoragePath

from include.datasets.catalogue import find_dataset
from include.storage.s3_layout import S3Layout, default_bucket
from include.tuning import params as tuning_params
from include.tuning.study import Study
from sagemaker_tuning.run import Run, Staged
from sagemaker_tuning.task_errors import one_line_errors

log = logging.getLogger(__name__)


@one_line_errors
def download_dataset(study: Study, updates: Sequence[Any] = ()) -> Staged:
    """Fetches the four IDX files into staging; checks all Params first, before any time is spent.

    `updates` are the events of the dataset's asset. The newest one for this dataset says where it lies, in its extra
    {"dataset": name, "source": folder, URL or S3 prefix}, unless the Param `source` does.
    """
    from include.datasets.sources import download

    run = Run.current()
    tuning_params.check(run.params, study, run.known)
    dataset = run.params["dataset"]
    source = run.params["source"] or newest_source(updates, dataset)
    return download(
        find_dataset(dataset),
        run.staging("raw"),
        source=source,
        mirrors=run.settings.mirrors,
        s3=run.client("s3") if source.startswith("s3://") else None,
        log=log.info,
    )


@one_line_errors
def convert_to_tfrecord(downloaded: Staged) -> Staged:
    """Splits and writes the TFRecords into staging."""
    from include.datasets.convert import convert
    from include.datasets.tfrecord import default_shards

    run = Run.current()
    return convert(
        ObjectStoragePath(downloaded["uri"]),
        run.staging("tfrecord"),
        dataset=find_dataset(run.params["dataset"]),
        validation=_count_or_share(run.params["validation_size"]),
        seed=run.params["seed"],
        stratify=run.params["stratify"],
        shards=run.params["shards"] or default_shards(run.params["instance_count"]),
        log=log.info,
    )


@one_line_errors
def upload_to_s3(converted: Staged) -> Staged:
    """Uploads what S3 lacks of the TFRecords; makes the bucket if it is missing."""
    from include.datasets.upload import upload_dataset
    from include.storage.buckets import ensure_bucket

    run = Run.current()
    s3, layout = run.client("s3"), layout_of(run)
    ensure_bucket(s3, layout.bucket, run.region, account=run.account)
    return upload_dataset(
        s3,
        ObjectStoragePath(converted["uri"]),
        layout,
        dataset=converted["dataset"],
        fingerprint=converted["fingerprint"],
        kms_key=run.params["kms_key"] or run.settings.kms_key,
        log=log.info,
    )


def newest_source(updates: Sequence[Any], dataset: str) -> str:
    """The source of the newest update of a dataset, "" where there is none; one that names no dataset is of any."""
    for event in reversed(updates):
        named, source = event.extra.get("dataset", dataset), event.extra.get("source")
        if named == dataset and source:
            log.info("The newest update of %s, of %s, leads to %s", dataset, event.timestamp, source)
            return str(source)
        log.warning("The update of %s is not for this run: it is of %s, source %r", event.timestamp, named, source)
    return ""


def layout_of(run: Run) -> S3Layout:
    """Where this run keeps things in S3: its Params, else the deployment's settings, else SageMaker's own default."""
    bucket = run.params["bucket"] or run.settings.bucket or default_bucket(run.region, run.account)
    return S3Layout(bucket, run.params["prefix"] or run.settings.prefix)


def _count_or_share(size: float | None) -> int | float | None:
    """The form may send a count as 5000.0; below 1 it is a share, None is the dataset's own choice."""
    return size if size is None or size < 1 else int(size)
