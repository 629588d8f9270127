"""Tags of jobs of both kinds."""

from typing import Any

from local_sagemaker.errors import ValidationError
from local_sagemaker.operations.paging import page
from local_sagemaker.service import Service

MOST_TAGS = 50


def read_tags(items: list[dict[str, str]]) -> dict[str, str]:
    """A request's Tags by key. Raises ValidationError for a key that stands twice."""
    if len({item["Key"].casefold() for item in items}) != len(items):
        raise ValidationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return {item["Key"]: item["Value"] for item in items}


def add(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """AddTags: answers all the tags that the resource has then; a key that is there in another case keeps its own."""
    arn, new = _resource(service, request), read_tags(request["Tags"])
    with service.store.exclusive():
        present = service.store.tags(arn)
        own = {key.casefold(): key for key in present}
        new = {own.get(key.casefold(), key): value for key, value in new.items()}
        if len(present | new) > MOST_TAGS:
            raise ValidationError(f"A resource has at most {MOST_TAGS} tags.")
        service.store.put_tags(arn, new)
    return {"Tags": _items(service, arn)}


def list_tags(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """ListTags, by key."""
    arn = _resource(service, request)
    items, token = page(_items(service, arn), {"MaxResults": MOST_TAGS} | request)
    return {"Tags": list(items), "NextToken": token}


def _resource(service: Service, request: dict[str, Any]) -> str:
    arn: str = request["ResourceArn"]
    if not service.store.has_arn(arn):
        raise ValidationError(f"Requested resource not found: {arn}")
    return arn


def _items(service: Service, arn: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in service.store.tags(arn).items()]
