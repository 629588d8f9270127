"""`python -m sagemaker_tuning.mwaa`: packs the project for Amazon MWAA, what `make mwaa` does."""

import argparse
import runpy
import sys
from pathlib import Path

from include.aws import mwaa
from include.errors import ProjectError
from include.settings import PROJECT_ROOT
from include.tuning.images import packed_images


def main(argv: list[str] | None = None) -> int:
    """0 when it is packed; 1 with one line on stderr where a DAG's study has no image."""
    parser = argparse.ArgumentParser(prog="python -m sagemaker_tuning.mwaa", description=__doc__)
    place = PROJECT_ROOT / ".local" / "mwaa"
    parser.add_argument("--to", type=Path, default=place, help="folder, emptied first (default: .local/mwaa)")
    given = parser.parse_args(argv)
    dags = [runpy.run_path(str(file)) for file in sorted((PROJECT_ROOT / "dags").glob("*.py"))]
    try:
        images = packed_images(dag["STUDY"] for dag in dags if "STUDY" in dag)
    except ProjectError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    for path in mwaa.pack(PROJECT_ROOT, given.to, images):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
