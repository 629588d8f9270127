import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowException
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from include.errors import ProjectError, StorageUnavailableError
from sagemaker_tuning.task_errors import FinalFault, PassingFault, TaskFault, one_line_errors, retry_policy


def raised_for(error: Exception) -> TaskFault:
    @one_line_errors
    def body() -> None:
        raise error

    with pytest.raises(TaskFault) as caught:
        body()
    return caught.value


def refusal(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": "no\nway"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "CreateBucket")


def test_a_users_mistake_is_logged_once_and_ends_the_task_without_a_chained_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault = raised_for(ProjectError("the file is empty"))
    assert isinstance(fault, FinalFault)
    assert (str(fault), fault.code) == ("the file is empty", 1)
    assert fault.__suppress_context__
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("ERROR", "the file is empty")]
    assert not caplog.records[0].exc_info


def test_a_bug_keeps_its_own_exception() -> None:
    @one_line_errors
    def body() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("AccessDenied", 403), FinalFault),
        (refusal("ValidationException"), FinalFault),
        (refusal("ThrottlingException"), PassingFault),
        (refusal("ResourceLimitExceeded"), PassingFault),
        (refusal("InternalError", 500), PassingFault),
        (StorageUnavailableError("S3 is away"), PassingFault),
        (ResponseParserError("<html>502 Bad\nGateway"), PassingFault),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(error: Exception, kind: type[TaskFault]) -> None:
    assert type(raised_for(error)) is kind


def test_a_refusal_names_the_operation_and_the_code_in_one_line() -> None:
    assert str(raised_for(refusal("AccessDenied", 403))) == "AWS refused CreateBucket: AccessDenied: no way"


def test_an_endpoint_that_does_not_answer_may_come_back() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = boto3.client(
            "sts",
            endpoint_url=f"http://127.0.0.1:{unused.getsockname()[1]}",
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"total_max_attempts": 1}),
        )
        with pytest.raises(PassingFault, match=r"AWS can't be reached: .*http://127\.0\.0\.1"):
            one_line_errors(client.get_caller_identity)()


class _Away(BaseHTTPRequestHandler):
    """An S3 that answers HEAD with 503."""

    def do_HEAD(self) -> None:
        self.send_error(503)

    def log_message(self, *_: object) -> None:
        pass


def test_a_bucket_that_the_hook_calls_missing_may_only_be_behind_an_s3_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Away) as s3:
        threading.Thread(target=s3.serve_forever, daemon=True).start()
        extra = {
            "endpoint_url": f"http://127.0.0.1:{s3.server_port}",
            "region_name": "us-east-1",
            "config_kwargs": {"retries": {"total_max_attempts": 1}},
        }
        connection = {"conn_type": "aws", "login": "a", "password": "b", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
        try:
            with pytest.raises(PassingFault, match="The input S3 Bucket data does not exist"):
                one_line_errors(SageMakerHook("aws_default").check_s3_url)("s3://data/mnist")
        finally:
            s3.shutdown()


def test_a_prefix_without_objects_is_a_final_fault() -> None:
    said = "The input S3 Key or Prefix s3://data/mnist does not exist in the Bucket data"
    assert type(raised_for(AirflowException(said))) is FinalFault


def test_no_credentials_are_a_final_fault_without_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    client = boto3.session.Session().client("sts", region_name="us-east-1")
    with pytest.raises(FinalFault, match="AWS was not asked: Unable to locate credentials"):
        one_line_errors(client.get_caller_identity)()


def test_the_policy_fails_a_final_fault_at_once_retries_a_passing_one_and_leaves_bugs_to_airflow() -> None:
    policy = retry_policy()

    def action(error: BaseException) -> RetryAction:
        return policy.evaluate(error, 1, 3).action

    assert action(FinalFault("x")) is RetryAction.FAIL
    assert action(PassingFault("x")) is RetryAction.RETRY
    assert action(ValueError("x")) is RetryAction.DEFAULT
