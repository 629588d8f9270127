"""What of SageMaker's tuning and training this service has: the table behind COVERAGE.md, and the refusal of the rest.

Every member of the two Create operations is here by the longest path that fits it: honoured, refused with a typed
error, or accepted without effect, and why. A refused member that is switched off (False) asks for nothing and passes.
"""

from collections.abc import Iterator
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from local_sagemaker.errors import UnsupportedError
from local_sagemaker.protocol import service_model

HONOURED, REFUSED, NO_EFFECT = "honoured", "refused", "no effect"
TUNING, TRAINING = "CreateHyperParameterTuningJob", "CreateTrainingJob"
Rule = tuple[str, str]

_RANGES: dict[str, Rule] = {
    "": (HONOURED, ""),
    "AutoParameters": (REFUSED, "Amazon chooses these ranges; how is not published"),
}
_BOTH: dict[str, Rule] = {
    "": (HONOURED, ""),
    "AlgorithmSpecification.AlgorithmName": (REFUSED, "the algorithms of AWS Marketplace are images on AWS"),
    "InputDataConfig[].DataSource.S3DataSource.S3DataType": (HONOURED, "S3Prefix; the other types are refused"),
    "InputDataConfig[].DataSource.S3DataSource.AttributeNames": (REFUSED, "for augmented manifests only"),
    "InputDataConfig[].DataSource.S3DataSource.InstanceGroupNames": (REFUSED, "there are no instance groups here"),
    "InputDataConfig[].DataSource.S3DataSource.ModelAccessConfig": (REFUSED, "gated models are on AWS only"),
    "InputDataConfig[].DataSource.S3DataSource.HubAccessConfig": (REFUSED, "SageMaker's hubs are on AWS only"),
    "InputDataConfig[].DataSource.FileSystemDataSource": (REFUSED, "EFS and FSx are not here; S3 is"),
    "InputDataConfig[].DataSource.DatasetSource": (REFUSED, "SageMaker's datasets are on AWS only"),
    "InputDataConfig[].ContentType": (NO_EFFECT, "a built-in algorithm's affair"),
    "InputDataConfig[].RecordWrapperType": (HONOURED, "None; RecordIO is refused"),
    "InputDataConfig[].ShuffleConfig": (HONOURED, "in Pipe mode; files have no order"),
    "VpcConfig": (NO_EFFECT, "everything is on loopback"),
    "OutputDataConfig.KmsKeyId": (NO_EFFECT, "objects lie unencrypted in the state folder"),
    "ResourceConfig.InstanceType": (HONOURED, "its number of cores, as far as this machine has them"),
    "ResourceConfig.VolumeSizeInGB": (NO_EFFECT, "the disk is this machine's"),
    "ResourceConfig.VolumeKmsKeyId": (NO_EFFECT, "the disk is this machine's"),
    "ResourceConfig.KeepAlivePeriodInSeconds": (NO_EFFECT, "the warm interpreter stays while the service runs"),
    "ResourceConfig.InstanceGroups": (REFUSED, "all hosts of a job are alike"),
    "ResourceConfig.TrainingPlanArn": (REFUSED, "capacity is reserved on AWS only"),
    "ResourceConfig.InstancePlacementConfig": (REFUSED, "there are no UltraServers here"),
    "ResourceConfig.InstancePreferences": (REFUSED, "name one InstanceType"),
    "ResourceConfig.SelectedInstanceType": (NO_EFFECT, "SageMaker's own answer, not a wish"),
    "ResourceConfig.SelectedInstanceCount": (NO_EFFECT, "SageMaker's own answer, not a wish"),
    "CheckpointConfig.LocalPath": (HONOURED, "below /opt/ml; refused elsewhere"),
    "StoppingCondition.MaxPendingTimeInSeconds": (NO_EFFECT, "a job waits for this machine's cores only"),
    "EnableNetworkIsolation": (NO_EFFECT, "a job runs as the service's user"),
    "EnableInterContainerTrafficEncryption": (NO_EFFECT, "hosts talk over loopback"),
}
_DEFINITION: dict[str, Rule] = _BOTH | {
    "TuningObjective": (HONOURED, "in TrainingJobDefinitions"),
    "TuningObjective.Type": (HONOURED, "the same in all TrainingJobDefinitions; refused where they differ"),
    "HyperParameterTuningResourceConfig": (HONOURED, "instead of ResourceConfig; of InstanceConfigs the first"),
    "HyperParameterTuningResourceConfig.VolumeSizeInGB": (NO_EFFECT, "the disk is this machine's"),
    "HyperParameterTuningResourceConfig.VolumeKmsKeyId": (NO_EFFECT, "the disk is this machine's"),
    "HyperParameterTuningResourceConfig.AllocationStrategy": (NO_EFFECT, "this machine is always there"),
    "HyperParameterTuningResourceConfig.InstanceConfigs[].VolumeSizeInGB": (NO_EFFECT, "the disk is this machine's"),
    **{f"HyperParameterRanges.{path}".rstrip("."): rule for path, rule in _RANGES.items()},
}
RULES: dict[str, dict[str, Rule]] = {
    TUNING: {
        "": (HONOURED, ""),
        "Autotune": (REFUSED, "Amazon chooses ranges, strategy and limits; how is not published"),
        "WarmStartConfig": (HONOURED, "refused together with TrainingJobDefinitions"),
        **{f"HyperParameterTuningJobConfig.ParameterRanges.{path}".rstrip("."): rule for path, rule in _RANGES.items()},
        **{f"TrainingJobDefinition.{path}".rstrip("."): rule for path, rule in _DEFINITION.items()},
        **{f"TrainingJobDefinitions[].{path}".rstrip("."): rule for path, rule in _DEFINITION.items()},
    },
    TRAINING: _BOTH
    | {
        "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries": (NO_EFFECT, "metrics are read from the log"),
        "AlgorithmSpecification.TrainingImageConfig": (REFUSED, "no image is pulled here"),
        "DebugHookConfig": (REFUSED, "SageMaker Debugger is on AWS only"),
        "DebugRuleConfigurations": (REFUSED, "SageMaker Debugger is on AWS only"),
        "TensorBoardOutputConfig": (REFUSED, "write to the checkpoints or to /opt/ml/output instead"),
        "ExperimentConfig": (REFUSED, "SageMaker Experiments are on AWS only"),
        "ProfilerConfig": (REFUSED, "SageMaker's profiler is on AWS only"),
        "ProfilerConfig.DisableProfiler": (NO_EFFECT, "there is no profiler to disable"),
        "ProfilerRuleConfigurations": (REFUSED, "SageMaker's profiler is on AWS only"),
        "RemoteDebugConfig": (REFUSED, "a job is a process of this machine; there is no Systems Manager"),
        "InfraCheckConfig": (REFUSED, "there is no infrastructure to check"),
        "SessionChainingConfig": (REFUSED, "a job has no session of its own"),
        "ServerlessJobConfig": (REFUSED, "serverless jobs are on AWS only"),
        "MlflowConfig": (REFUSED, "SageMaker's MLflow is on AWS only"),
        "ModelPackageConfig": (REFUSED, "there is no model registry here"),
    },
}


def ruled_by(operation: str, path: str) -> str:
    """The longest path of RULES that a member's path, such as `TrainingJobDefinition.Environment`, lies below."""
    while path not in RULES[operation]:
        path = path.removesuffix("[]") if path.endswith("[]") else path.rpartition(".")[0]
    return path


def rule_of(operation: str, path: str) -> Rule:
    """(status, why) of a member by its path."""
    return RULES[operation][ruled_by(operation, path)]


def refuse_unsupported(operation: str, request: dict[str, Any]) -> None:
    """Raise UnsupportedError naming the first member of a request that this service does not have."""
    for path in _paths(request, ""):
        status, why = rule_of(operation, path)
        if status == REFUSED:
            raise UnsupportedError(f"{operation}.{ruled_by(operation, path)}", why)


def members(operation: str) -> Iterator[str]:
    """Every leaf of the request's shape, in the model's order."""
    shape = service_model().operation_model(operation).input_shape
    assert shape is not None
    yield from _leaves(shape, "", ())


def _paths(value: Any, path: str) -> Iterator[str]:
    """Every leaf that a request sets, but for what it switches off."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _paths(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for member in value:
            yield from _paths(member, f"{path}[]")
    elif value is not False:
        yield path


def _leaves(shape: Shape, path: str, above: tuple[str, ...]) -> Iterator[str]:
    if isinstance(shape, StructureShape) and shape.name not in above:
        for name, member in shape.members.items():
            yield from _leaves(member, f"{path}.{name}" if path else name, (*above, shape.name))
    elif isinstance(shape, ListShape) and isinstance(shape.member, StructureShape):
        yield from _leaves(shape.member, f"{path}[]", above)
    else:
        yield path
