"""`python -m local_sagemaker.coverage_page` prints COVERAGE.md from the table that the service itself obeys."""

from local_sagemaker.coverage import TRAINING, TUNING, members, rule_of
from local_sagemaker.operations import OPERATIONS
from local_sagemaker.protocol import service_model


def page() -> str:
    """COVERAGE.md."""
    known = service_model().operation_names
    lines = [
        "# Coverage",
        "",
        "Made by `python -m local_sagemaker.coverage_page` from the table that the service obeys; a test compares.",
        "",
        "## Operations",
        "",
        f"{len(OPERATIONS)} of SageMaker's {len(known)}; the others answer `UnsupportedOperationException` and name "
        "themselves. S3, STS, IAM and CloudWatch Logs are MiniStack's.",
        "",
        *(f"- {name}" for name in OPERATIONS),
        "",
        *_table(TUNING, "`TrainingJobDefinitions[]` is as `TrainingJobDefinition`."),
        "",
        *_table(TRAINING, "`InstanceType`, `InstanceCount` (at least 1) and `TrainingImage` are required."),
    ]
    return "\n".join(lines) + "\n"


def _table(operation: str, note: str) -> list[str]:
    lines = [f"## {operation}, member by member", "", note, "", "| member | here | |", "|---|---|---|"]
    for path in members(operation):
        if not path.startswith("TrainingJobDefinitions[]"):
            status, why = rule_of(operation, path)
            lines.append(f"| `{path}` | {status} | {why} |")
    return lines


if __name__ == "__main__":
    print(page(), end="")
