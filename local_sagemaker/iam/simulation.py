"""IAM's SimulatePrincipalPolicy with its ContextEntries, which MiniStack's own leaves out of the evaluation."""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from local_sagemaker.settings import Settings

ACTION = "SimulatePrincipalPolicy"
Given = Mapping[str, list[str]]
_DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny", "ImplicitDeny": "implicitDeny"}
_RESULT = (
    "<member><EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName>"
    "<EvalDecision>{}</EvalDecision></member>"
)


def install(settings: Settings) -> None:
    """Put it in the place of MiniStack's, which still checks who asks."""
    from ministack.services import iam

    def answer(given: Given) -> Any:
        results = f"<EvaluationResults>{_results(given, settings)}</EvaluationResults><IsTruncated>false</IsTruncated>"
        return iam._xml(200, f"{ACTION}Response", f"<{ACTION}Result>{results}</{ACTION}Result>")

    iam._IAM_HANDLERS[ACTION] = answer


def _results(given: Given, settings: Settings) -> str:
    principal, context = given["PolicySourceArn"][0], _context(given)
    return "".join(
        _RESULT.format(escape(action), escape(resource), _decide(principal, action, resource, context, settings))
        for action in _members(given, "ActionNames")
        for resource in _members(given, "ResourceArns") or ["*"]
    )


def _decide(principal: str, action: str, resource: str, context: Mapping[str, Any], settings: Settings) -> str:
    from ministack.core import iam_evaluator

    kind, _, name = principal.rpartition(":")[2].partition("/")
    gather = iam_evaluator._gather_role_policies if kind == "role" else iam_evaluator._gather_user_policies
    asked = iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type=kind.title(),
        principal_account=settings.account,
        action=action,
        resource_arn=resource,
        region=settings.region,
        service_context=dict(context),
    )
    answer = iam_evaluator.evaluate(asked, gather(name.rpartition("/")[2], settings.account))
    return _DECISIONS[answer.decision]


def _members(given: Given, name: str) -> list[str]:
    """A list of the query protocol: <name>.member.1, .2 and so on."""
    found: list[str] = []
    while values := given.get(f"{name}.member.{len(found) + 1}"):
        found += values[:1]
    return found


def _context(given: Given) -> dict[str, Any]:
    """The condition keys, in lower case; of several values, the list."""
    entries: dict[str, Any] = {}
    while key := given.get(f"ContextEntries.member.{len(entries) + 1}.ContextKeyName"):
        values = _members(given, f"ContextEntries.member.{len(entries) + 1}.ContextKeyValues")
        entries[key[0].lower()] = values[0] if len(values) == 1 else values
    return entries
