"""Shows a user's mistake or an outside fault as one line in the task's log, and a bug with its traceback.

Airflow's task runner prints a traceback for every Exception, AirflowFailException included
(airflow/sdk/execution_time/task_runner.py, `_run_task_and_map_outcome`). SystemExit is the one way out of a task that
it reports without one, and it asks the task's retry policy what to do next. So: one line of our own, a SystemExit of
our own, and a policy that knows whether another try could help.
"""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowException

from include.errors import ProjectError, StorageUnavailableError

P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)

_PASSING_CODES = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "RequestTimeout",
        "RequestTimeoutException",
        "ResourceLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class TaskFault(SystemExit):
    """Ends a task whose reason is already in its log. Its text is that reason, for callbacks and listeners."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.code = 1  # the runner logs it; the reason would stand in the log twice


class FinalFault(TaskFault):
    """The same try would fail the same way again."""


class PassingFault(TaskFault):
    """The service was busy, away or full; a later try may work."""


def retry_policy() -> ExceptionRetryPolicy:
    """The policy of every task whose body is wrapped in `one_line_errors`."""
    return ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=FinalFault, action=RetryAction.FAIL, reason="another try would fail the same way"),
            RetryRule(exception=PassingFault, action=RetryAction.RETRY, reason="the service may be back by then"),
        ]
    )


def one_line_errors(body: Callable[P, R]) -> Callable[P, R]:
    """Logs a ProjectError, or an error that AWS or the provider reports, as one line and raises a TaskFault instead."""

    @functools.wraps(body)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return body(*args, **kwargs)
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            log.error("%s", fault)
            raise fault from None

    return wrapped


def fault_of(error: Exception) -> TaskFault | None:
    """The fault that stands for the error, None where it is a bug."""
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
    from botocore.parsers import ResponseParserError

    if isinstance(error, StorageUnavailableError):
        return PassingFault(str(error))
    if isinstance(error, ProjectError):
        return FinalFault(str(error))
    if isinstance(error, ClientError):
        return _refusal(error.operation_name, error.response)
    if isinstance(error, (ConnectionError, HTTPClientError)):
        return PassingFault(f"AWS can't be reached: {error} Check the connection's endpoint_url and the network.")
    if isinstance(error, ResponseParserError):  # a gateway's error page, say
        return PassingFault(f"AWS's answer can't be read: {' '.join(str(error).split())[:300]}")
    if isinstance(error, BotoCoreError):  # no credentials, no region, a parameter of the wrong type
        return FinalFault(f"AWS was not asked: {error}. Check the Airflow connection and the run's Params.")
    if type(error) is AirflowException:
        # The provider's hooks: an empty prefix, or a bucket that is missing, forbidden, or behind an S3 that is away,
        # which they don't tell apart.
        kind = PassingFault if "S3 Bucket" in str(error) else FinalFault
        return kind(str(error).strip())
    return None


def _refusal(operation: str, response: dict[str, dict[str, object]]) -> TaskFault:
    code, message = (str(response.get("Error", {}).get(key, "")) for key in ("Code", "Message"))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    passing = code in _PASSING_CODES or (isinstance(status, int) and status >= 500)
    kind = PassingFault if passing else FinalFault
    return kind(f"AWS refused {operation}: {code}: {' '.join(message.split())}")
