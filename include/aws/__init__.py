"""The road to AWS: the policies that a deployment needs, and a check that everything is there before the first run."""
