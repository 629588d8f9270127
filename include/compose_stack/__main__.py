"""`python -m include.compose_stack secrets|prepare`: the two services of docker-compose.yaml that run once and end."""

import argparse
import os
import sys

from include.compose_stack import preparation, secret_files
from include.errors import ProjectError


def main(argv: list[str] | None = None) -> int:
    """0, or 1 with one line on stderr for a user's mistake."""
    parser = argparse.ArgumentParser(prog="python -m include.compose_stack", description=__doc__)
    parser.add_argument("command", choices=("secrets", "prepare"))
    try:
        if parser.parse_args(argv).command == "secrets":
            made = secret_files.make_missing(secret_files.FOLDER)
            print(f"made {', '.join(made)}" if made else "the secrets of an earlier start are there")
        else:
            preparation.prepare(secret_files.FOLDER, os.environ)
            print("ready: the login is admin, its first password is in /secrets/airflow/admin_password")
    except ProjectError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
