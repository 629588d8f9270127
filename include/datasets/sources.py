"""Gets a dataset's four raw files from its mirrors, or from wherever the user says, onto a staging path, checked."""

import hashlib
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from include.datasets import receipts
from include.datasets.archives import can_verify, unpack
from include.datasets.catalogue import DataFile, Dataset
from include.datasets.digits import bundled_files
from include.datasets.http_fetch import FAILURES, NOT_SERVED, Patience, file_url
from include.datasets.places import Place, place_of
from include.datasets.raw import parse_raw
from include.datasets.receipts import Fetched
from include.errors import MirrorsDownError, ProjectError, StagingError
from include.storage.staging import StagingPath, make_directory, writing

PATIENCE = Patience()

_logger = logging.getLogger(__name__)


def download(
    dataset: Dataset,
    target: StagingPath,
    *,
    source: str = "",
    s3: Any = None,
    mirrors: Sequence[str] = (),
    patience: Patience = PATIENCE,
    log: Callable[..., None] = _logger.info,
) -> dict[str, Any]:
    """Writes the four raw (uncompressed) IDX files under target, each as soon as it is whole and checked.

    source: a folder, file:// or http(s):// URL, or s3:// prefix (with a boto3 client `s3`) that has the four files,
    gzipped or not; "" means the mirrors in order, each file on its own, or the bundled data of a dataset without any.
    mirrors: base URLs to try instead of the dataset's; "{dataset}" in them becomes its name.
    A file that is there with the catalogue's checksum is not fetched again; a cut download is resumed.
    Returns {"dataset", "uri", "source": where the files came from, "sha256": {file: hex}}.
    Raises SourceError (MirrorsDownError for mirrors), CorruptArchiveError, ChecksumError, IdxFormatError,
    DatasetMismatchError, StagingError, StorageError.
    """
    make_directory(target)
    if not source and not dataset.mirrors:
        fetched = {name: Fetched(content, "scikit-learn", verified=False) for name, content in bundled_files().items()}
        for name, file in fetched.items():
            _write(target, name, file.content)
    else:
        role, bases = ("source", [source]) if source else ("mirror", _bases(dataset, mirrors))
        options = {"role": role, "s3": s3, "patience": patience, "log": log}
        places = [partial(place_of, base, target, **options) for base in bases]
        fetched = _fetch_all(places, dataset, target, own=bool(source), log=log)
    parse_raw({name: file.content for name, file in fetched.items()}, dataset, str(target))
    origins = ", ".join(sorted({file.source for file in fetched.values()}))
    log("%s: %.1f MB from %s", dataset.title, sum(len(file.content) for file in fetched.values()) / 1e6, origins)
    return {
        "dataset": dataset.name,
        "uri": str(target),
        "source": origins,
        "sha256": {name: hashlib.sha256(file.content).hexdigest() for name, file in fetched.items()},
    }


def mirrors_reachable(dataset: Dataset, *, mirrors: Sequence[str] = (), timeout: float = 3.0) -> list[str]:
    """The mirrors (the dataset's, or those given) that answer for the smallest file within `timeout` seconds."""
    smallest = dataset.files[-1].name

    def answers(base: str) -> bool:
        status = _status(base, f"{smallest}.gz", timeout)
        return (_status(base, smallest, timeout) if status in NOT_SERVED else status) == 200

    bases = _bases(dataset, mirrors)
    with ThreadPoolExecutor(max(1, len(bases))) as pool:
        return [base for base, answered in zip(bases, pool.map(answers, bases), strict=True) if answered]


def _status(base: str, name: str, timeout: float) -> int:
    """The HTTP status of a file, 0 where nothing answers."""
    try:
        request = urllib.request.Request(file_url(base, name), method="HEAD")
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except FAILURES:
        return 0


def _bases(dataset: Dataset, mirrors: Sequence[str]) -> list[str]:
    if not dataset.mirrors:
        return []
    return [mirror.replace("{dataset}", dataset.name) for mirror in mirrors or dataset.mirrors]


def _fetch_all(
    places: Sequence[Callable[[], Place]], dataset: Dataset, target: StagingPath, *, own: bool, log: Callable[..., None]
) -> dict[str, Fetched]:
    """The four files by name, fetched in parallel, each written under target with its receipt."""

    def fetch(file: DataFile) -> Fetched:
        if earlier := receipts.read(target, file):
            log("%s is already downloaded", target / file.name)
            return earlier
        fetched = _from_first(places, file, dataset, own=own, log=log)
        _write(target, file.name, fetched.content)
        receipts.write(target, file, fetched)
        return fetched

    with ThreadPoolExecutor(len(dataset.files)) as pool:
        fetched = list(pool.map(fetch, dataset.files))
    return {file.name: one for file, one in zip(dataset.files, fetched, strict=True)}


def _write(target: StagingPath, name: str, content: bytes) -> None:
    with writing(target, name) as file:
        file.write(content)


def _from_first(
    places: Sequence[Callable[[], Place]], file: DataFile, dataset: Dataset, *, own: bool, log: Callable[..., None]
) -> Fetched:
    """The file from the first place that has it whole; an address that leads nowhere has nothing.

    A user's own source speaks for itself when it fails.
    """
    failures = []
    for lead_there in places:
        try:
            return _from(lead_there(), file, log)
        except StagingError:
            raise
        except ProjectError as error:
            if own:
                raise
            log("%s", error)
            failures.append(str(error))
    raise MirrorsDownError(
        f"No mirror of {dataset.name} gave {file.name} ({'; '.join(failures)}): "
        "check the network, or set `source` to a folder, URL or S3 prefix that has the files"
    )


def _from(place: Place, file: DataFile, log: Callable[..., None]) -> Fetched:
    where = f"{place.url.rstrip('/')}/{file.name}"

    def keep(content: bytes) -> Fetched:
        verified = can_verify(content, file)
        if not verified:
            log("%s: no checksum is known, so only its format is checked", where)
        return Fetched(unpack(content, file, where), place.url, verified)

    return place.fetch(file.name, keep)
