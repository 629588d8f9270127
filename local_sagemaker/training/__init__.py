"""Training jobs: the container's directories and variables, the process that trains, its log and its artifacts."""
