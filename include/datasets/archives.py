"""From the bytes that a source delivered to the bytes of the IDX file, decided by checksum."""

import gzip
import hashlib
import zlib

from include.datasets.catalogue import DataFile
from include.errors import ChecksumError, CorruptArchiveError

_GZIP_MAGIC = b"\x1f\x8b"


def unpack(content: bytes, file: DataFile, where: str) -> bytes:
    """The uncompressed file, of a gzip archive or of the file itself, checked against what the catalogue knows.

    The checksum of the uncompressed bytes decides, since a mirror may have compressed them anew; where only the
    archive's is known, that one does. Bytes that nothing is known about pass. `where` is for the error.
    Raises CorruptArchiveError, ChecksumError.
    """
    packed = content[:2] == _GZIP_MAGIC
    plain = _decompress(content, where) if packed else content
    if file.sha256:
        _check(plain, file.sha256, where)
    elif packed and file.archive_sha256:
        _check(content, file.archive_sha256, where)
    return plain


def can_verify(content: bytes, file: DataFile) -> bool:
    """Whether the catalogue knows a checksum of these bytes, be they an archive or the file itself."""
    return bool(file.sha256 or (file.archive_sha256 and content[:2] == _GZIP_MAGIC))


def _decompress(content: bytes, where: str) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptArchiveError(
            f"{where}: the gzip file of {len(content)} bytes is damaged ({error}): fetch it again"
        ) from error


def _check(content: bytes, expected: str, where: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ChecksumError(
            f"{where}: SHA-256 is {found}, expected {expected}: the file is damaged or another version, "
            "take it from another source"
        )
