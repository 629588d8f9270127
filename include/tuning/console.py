"""Where a person looks at a tuning job: AWS's console for what is on AWS."""

from urllib.parse import quote, urlsplit

_CONSOLES = {"amazonaws.com": "console.aws.amazon.com", "amazonaws.com.cn": "console.amazonaws.cn"}
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def console_of(endpoint_url: str) -> str | None:
    """The console's host for a client's endpoint; None where that is not AWS's own."""
    host = urlsplit(endpoint_url).hostname or ""
    return next((console for domain, console in _CONSOLES.items() if host.endswith(f".{domain}")), None)


def tuning_job(console: str, region: str, name: str) -> str:
    """The page of a tuning job."""
    return f"https://{console}/sagemaker/home?region={region}#/hyper-tuning-jobs/{quote(name)}"


def logs(console: str, region: str, tuning_job: str) -> str:
    """The log streams of a tuning job's trials."""
    group = quote(quote(LOG_GROUP, safe=""), safe="").replace("%", "$")
    search = quote(quote(f"?logStreamNameFilter={tuning_job}-", safe=""), safe="").replace("%", "$")
    return f"https://{console}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}{search}"


def s3_object(console: str, region: str, bucket: str, key: str) -> str:
    """The page of an object."""
    return f"https://{console}/s3/object/{quote(bucket)}?region={region}&prefix={quote(key)}"
