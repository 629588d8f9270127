"""`python -m sagemaker_tuning.aws_check`: the preflight for a run of a DAG on AWS, what `make aws-check` does."""

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from include import settings
from include.aws import check, identity, resources
from include.aws.findings import Finding, no, passes, told
from include.aws.identity import Caller
from include.aws.policies import Deployment
from include.aws.resources import Machines
from include.errors import ProjectError
from include.tuning import images, naming
from sagemaker_tuning.data_tasks import layout_of
from sagemaker_tuning.form import Form, fill
from sagemaker_tuning.run import Run


def main(argv: list[str] | None = None) -> int:
    """0 when nothing has to be mended, 1 else; a line for each thing looked at."""
    parser = argparse.ArgumentParser(prog="python -m sagemaker_tuning.aws_check", description=__doc__)
    parser.add_argument("--dag", default="mnist_tuning", help="default: %(default)s")
    parser.add_argument("--params", default="", help="the DAG's Params as a JSON object")
    given = parser.parse_args(argv)
    try:
        form = fill(given.dag, given.params)
        run = Run(form.dag_id, "aws-check", datetime.now(UTC), form.params, settings.read(os.environ))
    except ProjectError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    found = []
    for finding in _findings(run, form):
        print(finding, flush=True)
        found.append(finding)
    return 0 if passes(found) else 1


def _findings(run: Run, form: Form) -> Iterator[Finding]:
    try:
        finding, caller = identity.who_am_i(run.client("sts"), run.region)
    except BotoCoreError as error:  # no region
        yield no(identity.WHO, f"{told(error)} Put region_name into the extra of the connection")
        return
    yield finding
    if caller is None:
        return
    try:
        deployment = _deployment(run, caller)
    except (ProjectError, ClientError) as error:
        yield no(identity.ROLE, told(error))
        return
    image = ""
    try:
        image = images.training_image(form.study, run.region, run.params["instance_type"])
    except ProjectError as error:
        yield no(resources.IMAGE, told(error))
    clients = {name: run.client(name) for name in check.SERVICES}
    yield from check.findings(clients, caller, deployment, _machines(run), image)


def _deployment(run: Run, caller: Caller) -> Deployment:
    """What the policies' placeholders stand for in this run."""
    layout = layout_of(run)
    account, role = run.execution_role().split(":role/")
    return Deployment(
        account=account.rpartition(":")[2] or caller.account,
        region=run.region,
        bucket=layout.bucket,
        role=role,
        prefix=layout.prefix,
        jobs=naming.beginning(run.dag_id),
    )


def _machines(run: Run) -> Machines:
    params = run.params
    return Machines(params["instance_type"], params["parallel_jobs"], params["instance_count"], params["spot"])


if __name__ == "__main__":
    sys.exit(main())
