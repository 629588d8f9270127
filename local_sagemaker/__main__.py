"""`python -m local_sagemaker`: the command line of the service."""

import argparse
import logging
import os
import re
import sys
from pathlib import Path

from local_sagemaker.errors import StartError
from local_sagemaker.server import serve
from local_sagemaker.settings import DEFAULT_PORT, DEFAULT_REGION, LOOPBACK
from local_sagemaker.training import capacity, faults

_REGION = r"[a-z0-9]+(-[a-z0-9]+)*"


def main() -> int:
    """Serve until stopped; 1, with one line, where the service can't start."""
    parser = argparse.ArgumentParser(prog="local_sagemaker", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK, help="IPv4 address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="default: %(default)s")
    parser.add_argument("--region", default=DEFAULT_REGION, help="region of its ARNs (default: %(default)s)")
    parser.add_argument("--state", type=Path, default=Path(".local/sagemaker"), help="folder (default: %(default)s)")
    parser.add_argument(
        "--max-processes",
        type=int,
        default=capacity.default_processes(),
        help="training processes at once; further jobs wait (default: %(default)s, two a core and four at least)",
    )
    parser.add_argument("--keys", type=Path, help="file with the keys (default: credentials.json in the state folder)")
    parser.add_argument(
        "--check-iam", action="store_true", help="ask the policies of callers and of execution roles, as AWS does"
    )
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    state = given.state.absolute()
    if not 0 <= given.port <= 65535:
        parser.error(f"--port {given.port} is no port; give 1 to 65535, or 0 for a free one")
    if given.max_processes < 1:
        parser.error(f"--max-processes {given.max_processes} lets no job run; give 1 or more")
    try:
        if not re.fullmatch(_REGION, given.region):
            raise StartError(f"--region {given.region!r} is no region's name; give one such as {DEFAULT_REGION}.")
        asked = faults.parse(os.environ.get(faults.VARIABLE, ""))
        serve(
            state,
            host=given.host,
            port=given.port,
            region=given.region,
            keys=given.keys,
            max_processes=given.max_processes,
            faults=asked,
            check_iam=given.check_iam,
        )
    except (StartError, PermissionError) as error:
        print(f"local_sagemaker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
