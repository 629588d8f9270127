"""Who the keys belong to, and whether that one and the execution role may what their policies should allow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.aws import policies
from include.aws.findings import GUIDE, Finding, is_denied, no, ok, told, unknown
from include.aws.policies import Deployment

WHO = "who am I"
MAY_I = "may I"
ROLE = "role"
ROLE_MAY = "role may"


@dataclass(frozen=True)
class Caller:
    """The account and ARN of the keys, as STS says."""

    account: str
    arn: str

    @property
    def is_root(self) -> bool:
        """Whether they are the account's own, which may everything."""
        return self.arn.endswith(":root")

    @property
    def policy_source(self) -> str:
        """The user or role whose policies count; of an assumed role, the role, whose path its session does not tell."""
        head, _, resource = self.arn.rpartition(":")
        kind, _, name = resource.partition("/")
        if kind != "assumed-role":
            return self.arn
        return f"{head.replace(':sts:', ':iam:')}:role/{name.partition('/')[0]}"


def who_am_i(sts: Any, region: str) -> tuple[Finding, Caller | None]:
    """The caller; None, and what to do, where STS knows none."""
    try:
        answer = sts.get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        return no(WHO, f"nobody that AWS knows: {told(error)}. Put keys into the connection ({GUIDE})"), None
    caller = Caller(answer["Account"], answer["Arn"])
    return ok(WHO, f"{caller.arn} in {region}"), caller


def may_i(iam: Any, caller: Caller, deployment: Deployment) -> list[Finding] | None:
    """Whether the caller may what the DAG does; None where IAM may not be asked."""
    if caller.is_root:
        return [ok(MAY_I, "the account's root may everything; give Airflow a user or a role instead")]
    return _asked(iam, MAY_I, caller.policy_source, policies.AIRFLOW, deployment)


def role_may(iam: Any, deployment: Deployment) -> list[Finding]:
    """Whether the execution role may what a training job does."""
    found = _asked(iam, ROLE_MAY, deployment.role_arn, policies.EXECUTION_ROLE, deployment)
    if found is None:
        return [unknown(ROLE_MAY, f"iam:SimulatePrincipalPolicy is not allowed: {policies.AWS_CHECK}.json allows it")]
    return found


def trusts_sagemaker(iam: Any, deployment: Deployment) -> Finding:
    """Whether the execution role is there and lets SageMaker assume it."""
    arn, name = deployment.role_arn, deployment.role.rpartition("/")[2]
    try:
        trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    except ClientError as error:
        if is_denied(error):
            allow = f"{policies.AWS_CHECK}.json allows iam:GetRole"
            return unknown(ROLE, f"whether {arn} trusts SageMaker can't be read with these keys: {allow}")
        return no(ROLE, f"{arn} does not exist: make it, {GUIDE} says how")
    if any(_lets_sagemaker_in(statement, deployment.account) for statement in _listed(trust["Statement"])):
        return ok(ROLE, f"{arn} trusts SageMaker")
    mend = f"aws iam update-assume-role-policy --role-name {name} --policy-document file://.local/aws/{policies.TRUST}.json"
    return no(ROLE, f"{arn} does not let sagemaker.amazonaws.com assume it: {mend}")


def _lets_sagemaker_in(statement: Mapping[str, Any], account: str) -> bool:
    principal = statement.get("Principal", {})
    services = _listed(principal.get("Service", [])) if isinstance(principal, dict) else []
    wanted = statement.get("Condition", {}).get("StringEquals", {}).get("aws:SourceAccount", account)
    return (
        statement["Effect"] == "Allow"
        and "sts:AssumeRole" in _listed(statement.get("Action", []))
        and "sagemaker.amazonaws.com" in services
        and account in _listed(wanted)
    )


def _asked(iam: Any, subject: str, source: str, name: str, deployment: Deployment) -> list[Finding] | None:
    statements = policies.read(name, deployment)["Statement"]
    denied: dict[str, list[str]] = {}
    try:
        for statement in statements:
            if what := list(refused(iam, source, statement)):
                denied[statement["Sid"]] = what
    except ClientError as error:
        return None if is_denied(error) else [unknown(subject, f"IAM can't say what {source} may: {told(error)}")]
    document = f"{name}.json ({GUIDE})"
    if len(denied) == len(statements):
        return [no(subject, f"{source} may nothing of what it needs: give it {document}")]
    if denied:
        return [
            no(subject, f"{source} may not {', '.join(lacking)}: give it {document}, statement {sid}")
            for sid, lacking in denied.items()
        ]
    return [ok(subject, f"{source} may all that {name}.json allows")]


def refused(iam: Any, source: str, statement: Mapping[str, Any]) -> Iterator[str]:
    """The actions of a policy's statement that are not allowed, each with its resource."""
    conditions = [pair for block in statement.get("Condition", {}).values() for pair in block.items()]
    context = [
        {"ContextKeyName": key, "ContextKeyType": "string", "ContextKeyValues": [_example(value)]}
        for key, value in conditions
    ]
    for resource in _listed(statement["Resource"]):
        answer = iam.simulate_principal_policy(
            PolicySourceArn=source,
            ActionNames=_listed(statement["Action"]),
            ContextEntries=context,
            **({} if resource == "*" else {"ResourceArns": [_example(resource)]}),
        )
        for result in answer["EvaluationResults"]:
            if result["EvalDecision"] != "allowed":
                yield f"{result['EvalActionName']} on {resource}"


def _example(pattern: str) -> str:
    """Something that the pattern matches."""
    return pattern.replace("*", "aws-check")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
