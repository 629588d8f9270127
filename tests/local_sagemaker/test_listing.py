"""What List operations and tags make of what a client sends."""

import base64
from typing import Any

import pytest

from local_sagemaker.errors import ValidationError
from local_sagemaker.operations import tags, training_jobs, tuning_jobs
from tests.local_sagemaker.simulation import Course, Simulation, request


@pytest.fixture
def simulation() -> Simulation:
    simulation = Simulation(lambda trial: Course([1.0]))
    simulation.create(request(jobs=2) | {"Tags": [{"Key": "Team", "Value": "one"}]})
    simulation.run()
    return simulation


@pytest.mark.parametrize("position", ["9" * 30, "9" * 5000, "-1", "one"], ids=["huge", "longer", "negative", "word"])
def test_a_forged_token_is_refused(simulation: Simulation, position: str) -> None:
    forged = base64.urlsafe_b64encode(position.encode()).decode()
    with pytest.raises(ValidationError, match="is not one of this service's"):
        tuning_jobs.list_jobs(simulation.service, {"NextToken": forged})


def test_no_job_has_a_warm_pool_to_be_listed_by(simulation: Simulation) -> None:
    assert training_jobs.list_jobs(simulation.service, {})["TrainingJobSummaries"]
    listed = training_jobs.list_jobs(simulation.service, {"WarmPoolStatusEquals": "Available"})
    assert listed["TrainingJobSummaries"] == []


def test_tag_keys_are_case_insensitive(simulation: Simulation) -> None:
    def tag(*keys: str) -> dict[str, Any]:
        return {"ResourceArn": simulation.job("job").arn, "Tags": [{"Key": key, "Value": "two"} for key in keys]}

    with pytest.raises(ValidationError, match="case insensitive"):
        tags.add(simulation.service, tag("a", "A"))
    assert tags.add(simulation.service, tag("team"))["Tags"] == [{"Key": "Team", "Value": "two"}]
