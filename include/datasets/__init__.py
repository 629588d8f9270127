"""MNIST-shaped datasets: where they come from, how they are split, how they become TFRecord shards on S3."""
