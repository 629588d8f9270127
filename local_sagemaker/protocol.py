"""AWS JSON 1.1 as botocore's service model describes it: names an operation, shapes its answer, words its errors."""

import json
from functools import lru_cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from local_sagemaker.errors import ServiceError

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGET_PREFIX = "SageMaker."


@lru_cache(maxsize=1)
def service_model() -> ServiceModel:
    """SageMaker's model as botocore ships it, loaded once (about a second)."""
    return ServiceModel(botocore.session.get_session().get_service_data("sagemaker"), "sagemaker")


def find_operation(target: str) -> OperationModel:
    """The operation that an `X-Amz-Target` header names. Raises ServiceError(UnknownOperationException)."""
    name = target.removeprefix(TARGET_PREFIX)
    if name not in service_model().operation_names:
        raise ServiceError("UnknownOperationException", f"SageMaker has no operation {name!r}.")
    return service_model().operation_model(name)


def parse_body(body: bytes) -> dict[str, Any]:
    """The request's members. Raises ServiceError(SerializationException) for what is no JSON object."""
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"The request body is not valid JSON: {error}") from None
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", "The request body must be a JSON object.")
    return request


def serialise(answer: dict[str, Any] | None, shape: Shape | None) -> bytes:
    """The answer's members that `shape` knows and that are not None; times as seconds since the epoch."""
    if shape is None or answer is None:
        return b"{}"
    return json.dumps(_shaped(answer, shape)).encode()


def serialise_error(error: ServiceError) -> bytes:
    """The body of an error as SageMaker sends it."""
    return json.dumps({"__type": error.code, "message": error.message}).encode()


def _shaped(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape):
        members = shape.members
        return {name: _shaped(value[name], member) for name, member in members.items() if value.get(name) is not None}
    if isinstance(shape, ListShape):
        return [_shaped(item, shape.member) for item in value]
    if isinstance(shape, MapShape):
        return {key: _shaped(item, shape.value) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return round(float(value), 3)
    return value
