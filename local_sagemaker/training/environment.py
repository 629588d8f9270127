"""The SM_* variables and the arguments that the sagemaker-training toolkit gives a script.

Source: sagemaker-training 5.1.4, ENVIRONMENT_VARIABLES.md and its argument mapping.
"""

import json
import os
from pathlib import Path
from typing import Any

from local_sagemaker.training.opt_ml import HOST, OptMl, input_data_config, resource_config

_TOOLKIT_ONLY = ("sagemaker_", "_tuning_objective_metric")
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


def toolkit_environment(request: dict[str, Any], folders: OptMl, program: str, code_uri: str) -> dict[str, str]:
    """The SM_* variables of one host."""
    hyperparameters = user_hyperparameters(request.get("HyperParameters", {}))
    channels, resources = input_data_config(request), resource_config(request)
    argv = arguments(hyperparameters)
    group = resources["instance_groups"][0]
    training_env = {
        "channel_input_dirs": {name: str(folders.data / name) for name in channels},
        "current_host": HOST,
        "framework_module": None,
        "hosts": [HOST],
        "hyperparameters": hyperparameters,
        "input_config_dir": str(folders.config),
        "input_data_config": channels,
        "input_dir": str(folders.root / "input"),
        "job_name": request["TrainingJobName"],
        "log_level": 20,
        "master_hostname": HOST,
        "is_master": True,
        "model_dir": str(folders.model),
        "module_dir": code_uri,
        "module_name": Path(program).stem,
        "network_interface_name": resources["network_interface_name"],
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": 0,
        "output_data_dir": str(folders.output / "data"),
        "output_dir": str(folders.output),
        "output_intermediate_dir": str(folders.output / "data" / "intermediate"),
        "resource_config": resources,
        "user_entry_point": program,
    }
    values: dict[str, Any] = {
        "CHANNELS": sorted(channels),
        "CURRENT_HOST": HOST,
        "CURRENT_INSTANCE_GROUP": group["instance_group_name"],
        "CURRENT_INSTANCE_GROUP_HOSTS": group["hosts"],
        "CURRENT_INSTANCE_TYPE": group["instance_type"],
        "FRAMEWORK_MODULE": "",
        "FRAMEWORK_PARAMS": {},
        "HOSTS": [HOST],
        "HPS": hyperparameters,
        "INPUT_CONFIG_DIR": folders.config,
        "INPUT_DATA_CONFIG": channels,
        "INPUT_DIR": folders.root / "input",
        "INSTANCE_GROUPS": [group["instance_group_name"]],
        "INSTANCE_GROUPS_DICT": {group["instance_group_name"]: group},
        "IS_HETERO": False,
        "LOG_LEVEL": 20,
        "MODEL_DIR": folders.model,
        "MODULE_DIR": code_uri,
        "MODULE_NAME": Path(program).stem,
        "NETWORK_INTERFACE_NAME": resources["network_interface_name"],
        "NUM_CPUS": os.cpu_count() or 1,
        "NUM_GPUS": 0,
        "NUM_NEURONS": 0,
        "OUTPUT_DATA_DIR": folders.output / "data",
        "OUTPUT_DIR": folders.output,
        "OUTPUT_INTERMEDIATE_DIR": folders.output / "data" / "intermediate",
        "RESOURCE_CONFIG": resources,
        "TRAINING_ENV": training_env,
        "USER_ARGS": argv,
        "USER_ENTRY_POINT": program,
    }
    values |= {f"CHANNEL_{name.upper()}": folders.data / name for name in channels}
    values |= {f"HP_{name.upper()}": value for name, value in hyperparameters.items()}
    return {f"SM_{name}": _variable(value) for name, value in values.items()}


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
