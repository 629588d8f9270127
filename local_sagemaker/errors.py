"""Every error that the service answers or stops with on purpose."""


class ServiceError(Exception):
    """An answer of SageMaker's that is an error: `code` is what botocore calls the error code."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class ValidationError(ServiceError):
    """The request breaks a rule; SageMaker calls it ValidationException."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class NotFoundError(ServiceError):
    """SageMaker's ResourceNotFound."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFound", message)


class InUseError(ServiceError):
    """SageMaker's ResourceInUse."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUse", message)


class LimitExceededError(ServiceError):
    """SageMaker's ResourceLimitExceeded; `wanted` is what the request asks of a quota, `limit` what there is."""

    def __init__(self, quota: str, limit: int, wanted: int) -> None:
        super().__init__(
            "ResourceLimitExceeded",
            f"The account-level service limit '{quota}' is {limit}, with current utilization of 0 and a request delta "
            f"of {wanted}.",
        )


class UnsupportedError(ServiceError):
    """SageMaker knows this, the local SageMaker does not; the message names it."""

    def __init__(self, what: str, why: str = "") -> None:
        reason = f": {why}" if why else ""
        super().__init__("UnsupportedOperationException", f"{what} is not supported by the local SageMaker{reason}.")


class IllegalTransitionError(Exception):
    """A status change that SageMaker's life cycle does not have: a bug of this service."""


class StartError(Exception):
    """The service can't start; the text is one line that says why and what to do."""


class TrainingError(Exception):
    """A training job ends Failed; the text becomes its FailureReason."""
