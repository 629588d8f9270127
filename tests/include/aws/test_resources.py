"""Image and quotas as AWS answers: the local SageMaker has neither, so the answers are AWS's documented ones."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from include.aws import resources
from include.aws.resources import Machines

URI = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/tensorflow-training:2.19-cpu-py312"
FORM = Machines("ml.m5.xlarge", parallel_jobs=3, instance_count=2, spot=False)


@pytest.fixture
def stubbed():
    """stubbed(service, [(operation, answer)]) is a client that gives these answers in this order."""
    stubs = []

    def make(service: str, *answers: tuple[str, dict[str, Any] | str]) -> Any:
        client = boto3.client(service, region_name="eu-west-1", aws_access_key_id="key", aws_secret_access_key="secret")
        stub = Stubber(client)
        for operation, answer in answers:
            if isinstance(answer, str):
                stub.add_client_error(operation, answer)
            else:
                stub.add_response(operation, answer)
        stub.activate()
        stubs.append(stub)
        return client

    yield make
    for stub in stubs:
        stub.assert_no_pending_responses()


def quotas(**values: float) -> dict[str, Any]:
    return {"Quotas": [{"QuotaName": name.replace("_", " "), "Value": value} for name, value in values.items()]}


def usage(value: float, spot: str = "") -> dict[str, Any]:
    return {"Quotas": [{"QuotaName": f"ml.m5.xlarge for {spot}training job usage", "Value": value}]}


def test_an_image_that_the_registry_has_is_fine(stubbed) -> None:
    ecr = stubbed("ecr", ("batch_get_image", {"images": [{"repositoryName": "tensorflow-training"}], "failures": []}))
    assert str(resources.image(ecr, URI)) == f"ok  image        {URI}"


def test_an_image_that_the_registry_lacks_is_named(stubbed) -> None:
    missing = {"images": [], "failures": [{"failureCode": "ImageNotFound"}]}
    found = resources.image(stubbed("ecr", ("batch_get_image", missing)), URI)
    assert found.state == "no"
    assert found.text.startswith(f"{URI} is not in its registry")


def test_enough_quota_says_how_much(stubbed) -> None:
    (found,) = resources.quotas(stubbed("service-quotas", ("list_service_quotas", usage(6))), FORM, "eu-west-1")
    assert str(found) == "ok  quotas       ml.m5.xlarge for training job usage: 6, and the form takes 6"


def test_too_little_quota_says_what_to_ask_for(stubbed) -> None:
    (found,) = resources.quotas(stubbed("service-quotas", ("list_service_quotas", usage(4))), FORM, "eu-west-1")
    assert found.state == "no"
    assert found.text == (
        "ml.m5.xlarge for training job usage: 4, and the form takes 6: ask for 6 under Service Quotas, or give fewer "
        "parallel_jobs"
    )


def test_spot_instances_have_a_quota_of_their_own(stubbed) -> None:
    spot = Machines("ml.m5.xlarge", parallel_jobs=1, instance_count=1, spot=True)
    client = stubbed("service-quotas", ("list_service_quotas", usage(0, "spot ")))
    (found,) = resources.quotas(client, spot, "eu-west-1")
    assert found.text.startswith("ml.m5.xlarge for spot training job usage: 0, and the form takes 1")


def test_a_quota_that_was_never_changed_has_awss_value(stubbed) -> None:
    client = stubbed(
        "service-quotas", ("list_service_quotas", quotas(other=1)), ("list_aws_default_service_quotas", usage(8))
    )
    assert resources.quotas(client, FORM, "eu-west-1")[0].state == "ok"


def test_an_instance_type_that_the_region_lacks_is_named(stubbed) -> None:
    client = stubbed("service-quotas", ("list_service_quotas", quotas()), ("list_aws_default_service_quotas", quotas()))
    (found,) = resources.quotas(client, FORM, "eu-west-1")
    assert found.text == "eu-west-1 has no quota 'ml.m5.xlarge for training job usage': choose another instance_type"


def test_quotas_that_may_not_be_read_say_where_to_look(stubbed) -> None:
    client = stubbed("service-quotas", ("list_service_quotas", "AccessDeniedException"))
    (found,) = resources.quotas(client, FORM, "eu-west-1")
    assert found.state == "?"
    assert found.text.startswith("can't be read (aws-check.json allows it): look for")


def test_more_trials_at_a_time_than_a_tuning_job_usually_may_have_are_told(stubbed) -> None:
    many = Machines("ml.m5.xlarge", parallel_jobs=11, instance_count=1, spot=False)
    first, _ = resources.quotas(stubbed("service-quotas", ("list_service_quotas", usage(20))), many, "eu-west-1")
    assert first.text.startswith("11 trials at a time need more than the usual 10 in one tuning job")
