"""Batches of images and labels from a channel's TFRecord shards. Knows nothing of the network.

A record is a `tf.train.Example` with `height`, `width`, `depth` and `label` (int64) and `image_raw` (the pixels'
bytes). Records are shuffled while still serialised and parsed a batch at a time, which costs a fraction of parsing
them one by one; skipping to a step after an interruption costs no parsing at all.
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from errors import DataError

CACHE_BYTES = 2**30  # a channel larger than this is read again in each epoch
SHUFFLE_RECORDS = 65_536
PARALLEL_READS = 4
FEATURES = {**dict.fromkeys(("height", "width", "depth", "label"), "int64_list"), "image_raw": "bytes_list"}


@dataclasses.dataclass(frozen=True)
class Split:
    """The shards of one channel and the (height, width) of its images."""

    files: tuple[str, ...]
    image_shape: tuple[int, int]
    cached: bool


def open_split(folder: Path) -> Split:
    """The split in a folder. Raises DataError if there are no shards, or their first record is of another kind."""
    files = sorted(path for path in folder.glob("*.tfrecord") if path.is_file())
    if not files:
        raise DataError(f"{folder} holds no *.tfrecord files: check the channel's S3 prefix")
    cached = sum(path.stat().st_size for path in files) <= CACHE_BYTES
    return Split(tuple(map(str, files)), _image_shape(files), cached)


def training_batches(
    split: Split, *, batch_size: int, seed: int, skip: int = 0, share: tuple[int, int] = (0, 1)
) -> Any:
    """Endless batches of (uint8 (batch_size, height, width), int64 (batch_size,)), in an order that the seed fixes.

    `skip` leaves out that many batches, as if they had been drawn. `share` is (index, count): with several hosts each
    reads its own shards, or its own records where there are fewer shards than hosts.
    """
    records = _records(split, share)
    if split.cached:
        records = records.cache()
    records = records.shuffle(SHUFFLE_RECORDS, seed=seed, reshuffle_each_iteration=True).repeat()
    batches = records.batch(batch_size, drop_remainder=True)
    if skip:
        batches = batches.skip(skip)
    return _parsed(batches, split).prefetch(tf.data.AUTOTUNE)


def evaluation_batches(split: Split, *, batch_size: int) -> Any:
    """One pass over the split in the order of the shards; the last batch may be smaller."""
    return _parsed(_records(split, (0, 1)).batch(batch_size), split).prefetch(tf.data.AUTOTUNE)


def _records(split: Split, share: tuple[int, int]) -> Any:
    index, count = share
    by_file = count <= len(split.files)
    files = list(split.files[index::count]) if by_file else list(split.files)
    records = tf.data.Dataset.from_tensor_slices(files).interleave(
        tf.data.TFRecordDataset, cycle_length=PARALLEL_READS, num_parallel_calls=PARALLEL_READS, deterministic=True
    )
    return records if by_file else records.shard(count, index)


def _parsed(batches: Any, split: Split) -> Any:
    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def parse(serialised: Any) -> tuple[Any, Any]:
        spec = {"image_raw": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}
        example = tf.io.parse_example(serialised, spec)
        pixels = tf.io.decode_raw(example["image_raw"], tf.uint8)
        return tf.reshape(pixels, (-1, *split.image_shape)), example["label"]

    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return batches.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).with_options(options)


def _image_shape(files: list[Path]) -> tuple[int, int]:
    for file in files:
        try:
            first = next(iter(tf.data.TFRecordDataset(str(file)).take(1)), None)
        except tf.errors.DataLossError as error:
            raise DataError(f"{file} is not an uncompressed TFRecord file: {_what(error)}") from error
        if first is not None:
            return _shape_of_record(first.numpy(), file)
    raise DataError(f"the {len(files)} shards in {files[0].parent} hold no records")


def _shape_of_record(record: bytes, file: Path) -> tuple[int, int]:
    try:
        features = tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's DecodeError, which TensorFlow does not lend out
        raise DataError(f"{file}: the first record is not a tf.train.Example") from error
    for name, kind in FEATURES.items():
        found = features[name].WhichOneof("kind") if name in features else None
        if found != kind:
            raise DataError(f"{file}: the first record has {found or 'nothing'} for feature {name!r}; wanted a {kind}")
    height, width, depth = (features[name].int64_list.value[0] for name in ("height", "width", "depth"))
    size = len(features["image_raw"].bytes_list.value[0])
    if depth != 1 or size != height * width:
        shape = f"{height}x{width}x{depth}"
        raise DataError(f"{file}: {size} bytes for an image of {shape}; depth must be 1, and a pixel one byte")
    return height, width


@contextlib.contextmanager
def reporting_corruption() -> Iterator[None]:
    """Turns what TensorFlow raises at a damaged shard, which may be in the midst of training, into a DataError."""
    try:
        yield
    except tf.errors.DataLossError as error:
        raise DataError(f"a shard is damaged: {_what(error)}; upload the channels again") from error


def _what(error: Any) -> str:
    found = re.search(r"(corrupted|truncated) record at \d+", error.message)
    return found[0] if found else str(error.message).splitlines()[0]
