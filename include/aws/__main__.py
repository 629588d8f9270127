"""`python -m include.aws`: writes the policies for one deployment, what `make aws-policies` does."""

import argparse
import sys
from pathlib import Path

from include.aws import policies
from include.errors import PolicyError


def main(argv: list[str] | None = None) -> int:
    """0 when they are written; 1 with one line on stderr for a placeholder that is not given or can't be."""
    parser = argparse.ArgumentParser(prog="python -m include.aws", description=__doc__)
    parser.add_argument("--to", type=Path, default=Path(".local/aws"), help="folder (default: %(default)s)")
    for name in ("account", "region", "bucket", "role"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--prefix", default="mnist-tuning", help="of the S3 keys (default: %(default)s)")
    parser.add_argument("--jobs", default=policies.JOBS, help="start of the jobs' names (default: %(default)s)")
    given = vars(parser.parse_args(argv))
    folder = given.pop("to")
    try:
        for path in policies.write_all(folder, policies.Deployment(**given)):
            print(path)
    except PolicyError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
