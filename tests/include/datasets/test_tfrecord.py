"""TFRecord shards, as TensorFlow itself reads them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from include.datasets.archives import unpack
from include.datasets.catalogue import find_dataset
from include.datasets.convert import convert, read_manifest
from include.datasets.idx import parse_images, parse_labels
from include.datasets.records import encode
from include.datasets.sources import download
from include.datasets.splits import everything, split
from include.datasets.tfrecord import default_shards, write_shards
from include.errors import SplitError

SPEC = {name: tf.io.FixedLenFeature([], tf.int64) for name in ("height", "width", "depth", "label")} | {
    "image_raw": tf.io.FixedLenFeature([], tf.string)
}


def read_back(paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, h, w, d) and labels (n,) of all records, in order."""
    records = tf.data.TFRecordDataset([str(path) for path in paths], "", 1 << 20)
    batches = [tf.io.parse_example(batch, SPEC) for batch in records.batch(5000)]
    parsed = {name: np.concatenate([batch[name].numpy() for batch in batches]) for name in SPEC}
    sizes = np.unique(np.stack([parsed[name] for name in ("height", "width", "depth")], axis=1), axis=0)
    assert len(sizes) == 1
    images = np.frombuffer(b"".join(parsed["image_raw"]), np.uint8).reshape(-1, *sizes[0])
    return images, parsed["label"]


def read_examples(path: Path) -> list[tf.train.Example]:
    """The records of a file as messages."""
    return [tf.train.Example.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path), "", 4096)]


@st.composite
def examples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    count = draw(st.integers(1, 9))
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)) | st.tuples(*[st.integers(1, 12)] * 3))
    images = draw(hnp.arrays(np.uint8, (count, *shape)))
    return images, draw(hnp.arrays(np.uint8, count))


@settings(deadline=None, max_examples=60)
@given(examples(), st.integers(1, 3))
def test_tensorflow_reads_any_images_and_labels(
    tmp_path_factory: pytest.TempPathFactory, pair: tuple[np.ndarray, np.ndarray], shards: int
) -> None:
    images, labels = pair
    folder = tmp_path_factory.mktemp("shards")
    written = write_shards(folder, everything(images, labels), shards=min(shards, len(labels)))
    read_images, read_labels = read_back([folder / shard.name for shard in written])
    assert np.array_equal(read_images, images.reshape(read_images.shape))
    assert read_labels.tolist() == labels.tolist()


def test_tensorflow_reads_all_of_mnist(mnist_archives: Path, tmp_path: Path) -> None:
    mnist = find_dataset("mnist")
    download(mnist, tmp_path / "raw", source=str(mnist_archives))
    result = convert(tmp_path / "raw", tmp_path / "converted", dataset=mnist)
    folder = Path(result["uri"])
    assert result["examples"] == {"train": 55000, "validation": 5000, "test": 10000}
    arrays = {}
    for file in mnist.files:
        content = unpack((mnist_archives / f"{file.name}.gz").read_bytes(), file, file.name)
        arrays[file.name] = (parse_images if "images" in file.name else parse_labels)(content, file.name)
    images, labels, test_images, test_labels = arrays.values()
    train, validation = split(images, labels, validation=5000, seed=0)
    expected = {"train": train, "validation": validation, "test": everything(test_images, test_labels)}
    for name, subset in expected.items():
        shards = read_manifest(folder)["splits"][name]["shards"]
        read_images, read_labels = read_back([folder / name / shard["name"] for shard in shards])
        assert np.array_equal(read_images[..., 0], subset.images[subset.order])
        assert np.array_equal(read_labels, subset.labels[subset.order])


def test_records_are_those_of_the_tutorials_way(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (5, 3, 4), np.uint8), np.array([0, 1, 127, 128, 255], np.uint8)
    with tf.io.TFRecordWriter(str(tmp_path / "tutorial")) as writer:
        for image, label in zip(images, labels.tolist(), strict=True):
            ints = {"height": 3, "width": 4, "depth": 1, "label": label}
            feature = {
                name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value])) for name, value in ints.items()
            }
            feature["image_raw"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()]))
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    (tmp_path / "ours").write_bytes(encode(images, labels))
    assert read_examples(tmp_path / "tutorial") == read_examples(tmp_path / "ours")
    assert (tmp_path / "ours").stat().st_size == (tmp_path / "tutorial").stat().st_size


def test_shards_are_nearly_equal_and_know_their_bytes(tmp_path: Path) -> None:
    images, labels = np.zeros((10, 2, 2), np.uint8), np.zeros(10, np.uint8)
    shards = write_shards(tmp_path, everything(images, labels), shards=3)
    assert [shard.examples for shard in shards] == [3, 3, 4]
    assert [shard.name for shard in shards] == [f"part-0000{i}-of-00003.tfrecord" for i in range(3)]
    for shard in shards:
        content = (tmp_path / shard.name).read_bytes()
        assert (shard.bytes, shard.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_every_host_gets_as_many_shards_as_the_others() -> None:
    assert [default_shards(hosts) for hosts in (1, 2, 3, 4, 5, 20)] == [4, 4, 6, 4, 5, 20]


@pytest.mark.parametrize("shards", [0, -1, 4])
def test_more_shards_than_examples_is_refused(tmp_path: Path, shards: int) -> None:
    subset = everything(np.zeros((3, 2, 2), np.uint8), np.zeros(3, np.uint8))
    with pytest.raises(SplitError, match=rf"shards={shards} for 3 examples: give a number from 1 to 3"):
        write_shards(tmp_path, subset, shards=shards)
