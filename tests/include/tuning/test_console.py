import pytest

from include.tuning import console


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://api.sagemaker.eu-west-1.amazonaws.com", "console.aws.amazon.com"),
        ("https://api.sagemaker.cn-north-1.amazonaws.com.cn", "console.amazonaws.cn"),
        ("http://127.0.0.1:4599", None),
        ("https://amazonaws.com.example.org", None),
    ],
)
def test_only_awss_own_endpoints_have_a_console(endpoint: str, host: str | None) -> None:
    assert console.console_of(endpoint) == host


def test_the_addresses_are_those_of_the_console() -> None:
    host = "console.aws.amazon.com"
    assert console.tuning_job(host, "eu-west-1", "a-job") == (
        "https://console.aws.amazon.com/sagemaker/home?region=eu-west-1#/hyper-tuning-jobs/a-job"
    )
    logs = console.logs(host, "eu-west-1", "a-job")
    assert "#logsV2:log-groups/log-group/$252Faws$252Fsagemaker$252FTrainingJobs" in logs
    assert logs.endswith("$253FlogStreamNameFilter$253Da-job-")
    assert console.s3_object(host, "eu-west-1", "b", "k/m.tar.gz").endswith(
        "/s3/object/b?region=eu-west-1&prefix=k/m.tar.gz"
    )
