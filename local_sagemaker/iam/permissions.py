"""Asks MiniStack's IAM whether a key's policies allow what is needed."""

from collections.abc import Iterable

from local_sagemaker.actor import Actor
from local_sagemaker.errors import ServiceError, TrainingError
from local_sagemaker.iam import needs
from local_sagemaker.settings import Settings


def check_request(access_key: str, asked: Iterable[needs.Need], settings: Settings) -> None:
    """Raise ServiceError(AccessDeniedException), in AWS's words, for the first need that the caller lacks.

    The owner's key may everything, as an account's root may.
    """
    for need in asked:
        denied = _refusal(access_key, need, settings)
        if denied:
            raise ServiceError("AccessDeniedException", denied)


def check_training(actor: Actor, asked: Iterable[needs.Need], settings: Settings) -> None:
    """Raise TrainingError for the first need that the actor, a training job's role, lacks."""
    for need in asked:
        if _refusal(actor.access_key, need, settings):
            raise TrainingError(f"ClientError: AccessDenied: {actor.name} needs {need.action} on {need.resource}")


def _refusal(access_key: str, need: needs.Need, settings: Settings) -> str:
    """Why the key may not, "" where it may."""
    # Imported here, because MiniStack reads the environment when it is imported.
    from ministack.core import iam_actions, iam_evaluator

    denied = iam_evaluator.enforce(
        access_key,
        need.action,
        need.action.partition(":")[0],
        settings.region,
        resource_arn=need.resource,
        service_context=need.context,
    )
    if denied is None:
        return ""
    if isinstance(denied, iam_evaluator.AuthError):
        return str(denied.message)
    explicit = denied.decision == "Deny"
    return str(iam_actions.identity_denial_message(need.action, denied.principal_arn, need.resource, explicit))
