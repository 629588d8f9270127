import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from errors import DataError
from input_pipeline import Split, evaluation_batches, open_split, training_batches
from tests.training.fake_records import fake_images, write_shards


def drawn(split: Split, batches: int, **options: int | tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    pairs = list(training_batches(split, **options).take(batches).as_numpy_iterator())
    return np.concatenate([images for images, _ in pairs]), np.concatenate([labels for _, labels in pairs])


def rows(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def test_images_and_labels_come_back_as_written(splits: tuple[Split, Split]) -> None:
    images, labels = fake_images(20)
    read = list(evaluation_batches(splits[1], batch_size=8).as_numpy_iterator())
    assert [len(batch) for batch, _ in read] == [8, 8, 4]
    assert read[0][0].dtype == np.uint8
    assert read[0][1].dtype == np.int64
    found = {image.tobytes(): label for batch in read for image, label in zip(*batch, strict=True)}
    assert found == {image.tobytes(): label for image, label in zip(images, labels, strict=True)}


def test_an_epoch_has_every_image_once_and_the_next_another_order(splits: tuple[Split, Split]) -> None:
    images, labels = drawn(splits[0], 8, batch_size=10, seed=1)
    assert rows(images[:40]) == rows(images[40:]) == rows(fake_images(40)[0])
    assert labels[:40].tolist() != labels[40:].tolist()


@pytest.mark.parametrize("cached", [True, False])
def test_the_seed_fixes_the_order(splits: tuple[Split, Split], cached: bool) -> None:
    split = dataclasses.replace(splits[0], cached=cached)
    first, again, other = (drawn(split, 6, batch_size=10, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_skipping_goes_on_where_the_interrupted_job_was(splits: tuple[Split, Split]) -> None:
    whole = drawn(splits[0], 9, batch_size=10, seed=1)[0]
    rest = drawn(splits[0], 4, batch_size=10, seed=1, skip=5)[0]
    assert np.array_equal(whole[50:], rest)


@pytest.mark.parametrize("hosts", [2, 4], ids=["a shard each", "fewer shards than hosts"])
def test_the_hosts_shares_are_disjoint_and_complete(splits: tuple[Split, Split], hosts: int) -> None:
    size = 40 // hosts
    shares = [rows(drawn(splits[0], 1, batch_size=size, seed=1, share=(host, hosts))[0]) for host in range(hosts)]
    assert sum(map(len, shares)) == 40
    assert set.union(*shares) == rows(fake_images(40)[0])


def test_a_batch_may_be_larger_than_the_split(tmp_path: Path) -> None:
    split = open_split(write_shards(tmp_path / "train", *fake_images(8)))
    assert drawn(split, 2, batch_size=10, seed=0)[0].shape == (20, 28, 28)


def test_a_folder_without_shards_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path} holds no"):
        open_split(tmp_path)


def test_empty_shards_are_not_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 shards in .* hold no records"):
        open_split(write_shards(tmp_path / "train", *fake_images(0)))


def test_a_file_of_another_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tfrecord").write_bytes(b"not a record at all")
    with pytest.raises(DataError, match=r"a\.tfrecord is not an uncompressed TFRecord file"):
        open_split(tmp_path)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (tf.train.Example().SerializeToString(), "has nothing for feature 'height'; wanted a int64_list"),
        (b"\xff\xff\xff", "is not a tf.train.Example"),
    ],
)
def test_a_record_of_another_kind_is_named(tmp_path: Path, record: bytes, message: str) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(record)
    with pytest.raises(DataError, match=message):
        open_split(tmp_path)


def test_the_size_of_the_images_is_read_from_the_records(tmp_path: Path) -> None:
    assert open_split(write_shards(tmp_path / "train", *fake_images(4, size=12))).image_shape == (12, 12)
