"""Nobody without the key gets in, whatever the service, and a web page from elsewhere learns nothing."""

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import psutil
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.conftest import LocalService
from tests.local_sagemaker.conftest import training_request


def client(service: LocalService, name: str, access_key: str, secret_key: str):
    return boto3.client(
        name,
        endpoint_url=service.endpoint_url,
        region_name=service.region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(retries={"max_attempts": 0}),
    )


@pytest.mark.parametrize("keys", [("test", "test"), ("000000000000", "test"), ("AKIAUNKNOWN", "x" * 40)], ids=str)
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("sagemaker", "list_training_jobs"),
        ("s3", "list_buckets"),
        ("iam", "list_roles"),
        ("sts", "get_caller_identity"),
        ("logs", "describe_log_groups"),
    ],
)
def test_an_unknown_key_is_refused_by_every_service(service: LocalService, name: str, call: str, keys) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(client(service, name, *keys), call)()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)


@pytest.mark.parametrize(("name", "call"), [("sagemaker", "list_training_jobs"), ("s3", "list_buckets")])
def test_the_right_key_with_a_wrong_secret_is_refused(service: LocalService, name: str, call: str) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(client(service, name, service.access_key, "wrong"), call)()
    assert refused.value.response["Error"]["Code"] in ("SignatureDoesNotMatch", "InvalidSignatureException")


def test_an_unsigned_request_is_refused(service: LocalService) -> None:
    headers = {"X-Amz-Target": "SageMaker.ListTrainingJobs", "Content-Type": "application/x-amz-json-1.1"}
    answer = requests.post(service.endpoint_url, data="{}", headers=headers, timeout=10)
    assert answer.status_code == 403
    assert answer.json()["__type"] == "MissingAuthenticationToken"
    for path in ("/", "/bucket/key", "/_ministack/reset", "/_ministack/health", "/_localstack/health"):
        assert requests.post(service.endpoint_url + path, timeout=10).status_code == 403


def test_an_unsigned_body_is_not_kept_in_memory(service: LocalService) -> None:
    process = psutil.Process(json.loads((service.state / "service.json").read_text())["pid"])
    before = process.memory_info().rss
    parts = (b"x" * 2**20 for _ in range(200))
    with contextlib.suppress(requests.ConnectionError):  # it may be cut off before it has sent all
        assert requests.post(service.endpoint_url, data=parts, timeout=30).status_code == 403
    assert process.memory_info().rss - before < 50 * 2**20


def test_a_request_to_sagemaker_has_a_longest_length(service: LocalService) -> None:
    with pytest.raises(ClientError) as refused:
        service.client("sagemaker").list_training_jobs(NameContains="x" * 5 * 2**20)
    assert refused.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_many_requests_that_ask_iam_at_once_do_not_block_each_other(service: LocalService) -> None:
    request = training_request(service, "") | {"RoleArn": "arn:aws:iam::000000000000:role/nobody"}
    client = service.client("sagemaker", max_pool_connections=60)

    def refused(_: int) -> str:
        with pytest.raises(ClientError) as error:
            client.create_training_job(**request)
        return error.value.response["Error"]["Message"]

    with ThreadPoolExecutor(60) as pool:
        began = time.monotonic()
        answers = list(pool.map(refused, range(150)))
    assert time.monotonic() - began < 30
    assert all(answer.startswith("Could not assume role") for answer in answers)


def test_a_page_from_elsewhere_gets_no_permission(service: LocalService) -> None:
    headers = {"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = requests.options(service.endpoint_url, headers=headers, timeout=10)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_a_body_changed_on_the_way_is_refused(service: LocalService) -> None:
    signer = service.client("sagemaker")
    sent = {}
    signer.meta.events.register("before-send.sagemaker", lambda request, **_: sent.update(request.headers))
    signer.list_training_jobs()
    headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in sent.items()}
    answer = requests.post(service.endpoint_url + "/", data='{"MaxResults": 1}', headers=headers, timeout=10)
    assert answer.status_code == 403


def test_a_presigned_address_works_until_it_is_altered(service: LocalService) -> None:
    s3 = service.client("s3", signature_version="s3v4")
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="a", Body=b"content")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "a"})
    assert requests.get(url, timeout=10).content == b"content"
    assert requests.get(url.replace("/a?", "/b?"), timeout=10).status_code == 403


@pytest.mark.parametrize("target", ["SageMaker.ListTrainingJobs", "Logs_20140328.DescribeLogGroups"])
def test_a_presigned_address_opens_no_other_service(service: LocalService, target: str) -> None:
    s3 = service.client("s3", signature_version="s3v4")
    s3.create_bucket(Bucket="shared")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "shared", "Key": "a"})
    answer = requests.get(url, data="{}", headers={"X-Amz-Target": target}, timeout=10)
    assert answer.status_code in (400, 403)
    assert "Signature" in answer.json()["__type"]


def test_a_signature_leaves_neither_target_nor_body_open(service: LocalService) -> None:
    for unsigned in ({"X-Amz-Target": "SageMaker.ListTrainingJobs"}, {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}):
        request = AWSRequest("POST", service.endpoint_url + "/", data="{}")
        if "X-Amz-Content-Sha256" in unsigned:
            request.headers["X-Amz-Target"] = "SageMaker.ListTrainingJobs"
            request.headers["X-Amz-Content-Sha256"] = "UNSIGNED-PAYLOAD"
        SigV4Auth(Credentials(service.access_key, service.secret_key), "sagemaker", service.region).add_auth(request)
        answer = requests.post(request.url, data="{}", headers=dict(request.headers) | unsigned, timeout=10)
        assert answer.status_code == 403


@pytest.mark.parametrize("signature", ["\xe4", "0" * 64])
def test_an_unreadable_signature_is_refused(service: LocalService, signature: str) -> None:
    scope = f"{service.access_key}/20261123/us-east-1/sagemaker/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
    headers = {"Authorization": authorization.encode("latin-1"), "X-Amz-Date": "20261123T000000Z"}
    assert requests.post(service.endpoint_url, data="{}", headers=headers, timeout=10).status_code == 403


def test_no_other_user_can_look_into_the_state(service: LocalService) -> None:
    assert service.state.stat().st_mode & 0o077 == 0
    assert (service.state / "credentials.json").stat().st_mode & 0o077 == 0
