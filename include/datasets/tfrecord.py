"""TFRecord shards of a split, written in blocks by a few threads; what a record looks like is `records`' business."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from include.datasets.records import Encoder, image_shape
from include.datasets.splits import Subset
from include.errors import SplitError
from include.storage.staging import StagingPath, make_directory, writing

_BLOCK_BYTES = 1 << 20
_WRITERS = 2
_FEWEST_SHARDS = 4


@dataclass(frozen=True)
class Shard:
    """A written file: its name, its number of examples and of bytes, and the SHA-256 (hex) of its bytes."""

    name: str
    examples: int
    bytes: int
    sha256: str


def default_shards(hosts: int) -> int:
    """Shards per split for `hosts` training machines: the smallest multiple of `hosts` from 4 up, for equal shares."""
    return -(-_FEWEST_SHARDS // hosts) * hosts


def write_shards(directory: StagingPath, subset: Subset, *, shards: int) -> list[Shard]:
    """Writes the examples, in order, to `part-00000-of-0000N.tfrecord` files of nearly equal size.

    Memory beyond the arrays: a few blocks of a megabyte for each of two threads. Each file appears when it is whole.
    Raises SplitError if there are fewer examples than shards (or no shard), StagingError if the disk refuses.
    """
    if not 1 <= shards <= max(1, len(subset)):
        raise SplitError(f"shards={shards} for {len(subset)} examples: give a number from 1 to {len(subset)}")
    make_directory(directory)
    edges = [len(subset) * index // shards for index in range(shards + 1)]

    def write(index: int) -> Shard:
        name = f"part-{index:05d}-of-{shards:05d}.tfrecord"
        return _write_shard(directory, name, subset, edges[index], edges[index + 1])

    with ThreadPoolExecutor(min(shards, _WRITERS)) as pool:
        return list(pool.map(write, range(shards)))


def _write_shard(directory: StagingPath, name: str, subset: Subset, start: int, stop: int) -> Shard:
    height, width, depth = shape = image_shape(subset.images)
    rows = max(1, _BLOCK_BYTES // max(1, height * width * depth))
    encoder = Encoder(shape, rows)
    digest, size = hashlib.sha256(), 0
    with writing(directory, name) as file:
        for first in range(start, stop, rows):
            block = encoder.encode(*subset.take(first, min(first + rows, stop)))
            digest.update(block.data)
            file.write(block.data)
            size += block.nbytes
    return Shard(name, stop - start, size, digest.hexdigest())
