"""The SM_* variables and the arguments that the sagemaker-training toolkit gives a script.

Source: sagemaker-training 5.1.4, ENVIRONMENT_VARIABLES.md and its argument mapping.
"""

import json
import os
from pathlib import Path
from typing import Any

from local_sagemaker.training.opt_ml import OptMl, input_data_config, resource_config

_TOOLKIT_ONLY = ("sagemaker_", "_tuning_objective_metric")
_TOOLKIT_KNOWN = {
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "default_user_module_name",
    "_tuning_objective_metric",
    "sagemaker_s3_output",
}
_DISTRIBUTED = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_torch_distributed_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
)
_VARIABLES = (
    "current_host",
    "current_instance_group",
    "current_instance_group_hosts",
    "current_instance_type",
    "distribution_instance_groups",
    "framework_module",
    "hosts",
    "input_config_dir",
    "input_data_config",
    "input_dir",
    "instance_groups",
    "instance_groups_dict",
    "is_hetero",
    "log_level",
    "model_dir",
    "module_dir",
    "module_name",
    "network_interface_name",
    "num_cpus",
    "num_gpus",
    "num_neurons",
    "output_data_dir",
    "output_dir",
    "output_intermediate_dir",
    "resource_config",
    "user_entry_point",
)
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
)


def user_hyperparameters(hyperparameters: dict[str, str]) -> dict[str, Any]:
    """What is meant for the script: the toolkit's own left out, values read as JSON where they are JSON."""
    return {name: _read(value) for name, value in hyperparameters.items() if not name.startswith(_TOOLKIT_ONLY)}


def toolkit_hyperparameter(hyperparameters: dict[str, str], name: str) -> str | None:
    """A `sagemaker_*` value; the SDK sends them as JSON strings."""
    value = hyperparameters.get(name)
    return None if value is None else str(_read(value))


def arguments(hyperparameters: dict[str, Any]) -> list[str]:
    """`--name value` for each hyperparameter, sorted by name; one letter gets one dash, as in the toolkit."""
    argv: list[str] = []
    for name, value in sorted(hyperparameters.items()):
        argv += [f"{'-' if len(name) == 1 else '--'}{name}", _argument(value)]
    return argv


def base_environment() -> dict[str, str]:
    """What a training process inherits from the service: no more than it needs to start."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def toolkit_environment(
    request: dict[str, Any], host: str, folders: OptMl, *, program: str, code_uri: str, cpus: int
) -> dict[str, str]:
    """The SM_* variables of one host; `cpus` is what it may use of this machine."""
    given = request.get("HyperParameters", {})
    training_env = _training_env(request, host, folders) | {
        "module_dir": code_uri,
        "module_name": Path(program).stem,
        "num_cpus": cpus,
        "user_entry_point": program,
    }
    own = {name: training_env[name] for name in _VARIABLES}
    values: dict[str, Any] = own | {
        "framework_params": training_env["additional_framework_parameters"],
        "hps": training_env["hyperparameters"],
        "training_env": training_env,
        "user_args": arguments(user_hyperparameters(given)),
    }
    values |= {f"channel_{name}": path for name, path in training_env["channel_input_dirs"].items()}
    values["channels"] = sorted(training_env["channel_input_dirs"])
    values |= {f"hp_{name}": value for name, value in training_env["hyperparameters"].items()}
    return {f"SM_{name.upper()}": _variable(value) for name, value in values.items()}


def _training_env(request: dict[str, Any], host: str, folders: OptMl) -> dict[str, Any]:
    """SM_TRAINING_ENV, but for what hangs on the script and the machine."""
    given, channels = request.get("HyperParameters", {}), input_data_config(request)
    framework = {
        name: _read(value)
        for name, value in given.items()
        if name.startswith("sagemaker_") and name not in _TOOLKIT_KNOWN
    }
    resources = resource_config(request, host)
    group, hosts = resources["instance_groups"][0], resources["hosts"]
    name = group["instance_group_name"]
    distributed = any(framework.get(flag) for flag in _DISTRIBUTED)
    return {
        "additional_framework_parameters": framework,
        "channel_input_dirs": {channel: str(folders.data / channel) for channel in channels},
        "current_host": host,
        "current_instance_group": name,
        "current_instance_group_hosts": group["hosts"],
        "current_instance_type": group["instance_type"],
        "distribution_hosts": hosts if distributed else [],
        "distribution_instance_groups": [name] if distributed else [],
        "framework_module": None,
        "hosts": hosts,
        "hyperparameters": user_hyperparameters(given),
        "input_config_dir": str(folders.config),
        "input_data_config": channels,
        "input_dir": str(folders.root / "input"),
        "instance_groups": [name],
        "instance_groups_dict": {name: group},
        "is_hetero": False,
        "is_master": host == hosts[0],
        "is_modelparallel_enabled": None,
        "is_smddpmprun_installed": False,
        "is_smddprun_installed": False,
        "job_name": request["TrainingJobName"],
        "log_level": int(_read(given.get("sagemaker_container_log_level", "20"))),
        "master_hostname": hosts[0],
        "model_dir": str(folders.model),
        "network_interface_name": resources["network_interface_name"],
        "num_gpus": 0,
        "num_neurons": 0,
        "output_data_dir": str(folders.output / "data"),
        "output_dir": str(folders.output),
        "output_intermediate_dir": str(folders.output / "intermediate"),
        "resource_config": resources,
        "topology": [],
    }


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _argument(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in sorted(value.items()))
    return "" if value is None else str(value)


def _variable(value: Any) -> str:
    if value is None or isinstance(value, (str, Path)):
        return str(value or "")
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
