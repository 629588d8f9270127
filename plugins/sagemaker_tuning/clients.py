"""AWS clients of an Airflow connection that wait out throttling and a service that is away for a minute."""

from typing import TYPE_CHECKING, Any

from include.storage.s3_errors import s3_config

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

    _Base = AwsBaseOperator[Any]
else:
    _Base = object


def patient_config(hook: Any) -> Any:
    """A botocore Config with the project's retries; the config_kwargs of the hook's connection go before them."""
    return s3_config().merge(hook.config)


class PatientHook(_Base):
    """For an operator or sensor of the provider: its hook's clients retry as the project's own do."""

    @property
    def _hook_parameters(self) -> dict[str, Any]:
        given = super()._hook_parameters
        return {**given, "config": patient_config(self.aws_hook_class(**given))}
