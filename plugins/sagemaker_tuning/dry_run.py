"""`python -m sagemaker_tuning.dry_run`: the CreateHyperParameterTuningJob of a run, unsent: what `make dry-run` does.

It asks AWS nothing. What only AWS or the data can tell is given, or stands for itself: the account, the role, the
dataset's fingerprint. Parents of a warm start are AWS's to know too; the run adds them.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from include import settings
from include.errors import ProjectError
from include.tuning import cost, jobs, request
from sagemaker_tuning.data_tasks import layout_of
from sagemaker_tuning.form import Form, fill
from sagemaker_tuning.run import Run
from sagemaker_tuning.tuning_tasks import draft

_FIRST_ROUND = "0"


@dataclass(frozen=True)
class Given:
    """What stands for AWS and for the data."""

    account: str
    region: str
    role: str
    """Name or ARN."""
    fingerprint: str


@dataclass(frozen=True)
class UnsentRun(Run):
    """A run that knows its account, region and role without asking."""

    given: Given = field(kw_only=True)

    @property
    def region(self) -> str:
        """As given."""
        return self.given.region

    @property
    def account(self) -> str:
        """As given."""
        return self.given.account

    def execution_role(self) -> str:
        """The Param's, else as given."""
        role = self.params["role"] or self.given.role
        return role if role.startswith("arn:") else f"arn:aws:iam::{self.account}:role/{role}"


def main(argv: list[str] | None = None) -> int:
    """0 with the request on stdout; 1 with one line on stderr where no run would send it."""
    parser = argparse.ArgumentParser(prog="python -m sagemaker_tuning.dry_run", description=__doc__)
    parser.add_argument("--dag", default="mnist_tuning", help="default: %(default)s")
    parser.add_argument("--params", default="", help="the DAG's Params as a JSON object")
    parser.add_argument("--run-id", default="dry-run", help="names the tuning job (default: %(default)s)")
    parser.add_argument("--account", default="000000000000", help="default: %(default)s")
    parser.add_argument("--region", default="us-east-1", help="default: %(default)s")
    parser.add_argument("--role", default="SageMakerExecutionRole", help="name or ARN (default: %(default)s)")
    parser.add_argument("--fingerprint", default="0" * 16, help="of the converted dataset (default: %(default)s)")
    given = parser.parse_args(argv)
    try:
        form = fill(given.dag, given.params)
        known = Given(given.account, given.region, given.role, given.fingerprint)
        now, deployment = datetime.now(UTC), settings.read(os.environ)
        asked = unsent(UnsentRun(form.dag_id, given.run_id, now, form.params, deployment, given=known), form)
    except ProjectError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asked, indent=2))
    print(f"not sent; {cost.estimate(form.study, form.params)}", file=sys.stderr)
    return 0


def unsent(run: UnsentRun, form: Form) -> dict[str, Any]:
    """The request that the run would send, checked. Raises what the run's tasks would."""
    layout, dataset = layout_of(run), run.params["dataset"]
    splits = {
        name: layout.uri(layout.split(dataset, run.given.fingerprint, name)) + "/" for name in ("train", "validation")
    }
    wanted, _ = draft(run, form.study, {"dataset": dataset, "fingerprint": run.given.fingerprint, **splits})
    request.validate(wanted)
    return jobs.marked(wanted, run.job_name, _FIRST_ROUND)


if __name__ == "__main__":
    sys.exit(main())
