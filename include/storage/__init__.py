"""Where data lies: staging paths between tasks, and buckets, keys and objects on S3; not what is in them."""
