"""Shards of fake images, in the format that the script reads, written by TensorFlow itself."""

from pathlib import Path

import numpy as np
import tensorflow as tf


def _integer(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))


def write_shards(folder: Path, images: np.ndarray, labels: np.ndarray, shards: int = 2) -> Path:
    """Writes images uint8 (n, h, w) and labels to shards in a new folder, and returns the folder."""
    folder.mkdir(parents=True)
    for shard in range(shards):
        with tf.io.TFRecordWriter(str(folder / f"part-{shard:05d}-of-{shards:05d}.tfrecord")) as writer:
            for image, label in zip(images[shard::shards], labels[shard::shards], strict=True):
                feature = {
                    "height": _integer(image.shape[0]),
                    "width": _integer(image.shape[1]),
                    "depth": _integer(1),
                    "label": _integer(label),
                    "image_raw": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()])),
                }
                example = tf.train.Example(features=tf.train.Features(feature=feature))
                writer.write(example.SerializeToString())
    return folder


def fake_images(count: int, size: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (count, size, size) with a bright bar where the label says, and their labels."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) % 10
    images = generator.integers(0, 60, (count, size, size), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, int(label) * size // 10 : int(label) * size // 10 + 2] = 250
    return images, labels
