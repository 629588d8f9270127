"""Where data lies: staging paths between tasks, and the layout of and the transfers to S3."""
