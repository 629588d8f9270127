"""A DAG's trigger form filled in without a trigger: its Params, with their defaults, checked as a run's are."""

import copy
import json
import runpy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from include.errors import TuningParamsError
from include.settings import PROJECT_ROOT
from include.tuning import params as tuning_params
from include.tuning.study import Study


@dataclass(frozen=True)
class Form:
    """What a run of the DAG would get."""

    dag_id: str
    study: Study
    params: Mapping[str, Any]


def fill(dag_id: str, given: str) -> Form:
    """The form of `dags/<dag_id>.py`, which has a `STUDY`, with the values of `given`, a JSON object, put in.

    Raises TuningParamsError that lists what Airflow would refuse, or else what the DAG's first task would.
    """
    file = PROJECT_ROOT / "dags" / f"{dag_id}.py"
    if not file.is_file():
        raise TuningParamsError([f"there is no DAG {dag_id}: {file} is not a file"])
    module = runpy.run_path(str(file))
    dag, study, asked = module["dag"], module["STUDY"], _object(given)
    params = copy.deepcopy(dag.params)  # a Param keeps the last value that it was given
    if found := list(_faults(params, asked)):
        raise TuningParamsError(found)
    chosen = params.dump()
    tuning_params.check(asked | chosen, study, tuple(chosen))
    return Form(dag.dag_id, study, chosen)


def _object(given: str) -> dict[str, Any]:
    try:
        asked = json.loads(given or "{}")
    except ValueError as error:
        raise TuningParamsError([f"PARAMS={given!r} is not JSON: {error}"]) from None
    if not isinstance(asked, dict):
        raise TuningParamsError([f'PARAMS={given!r} is no JSON object, such as {{"jobs": 3}}'])
    return asked


def _faults(params: Any, asked: Mapping[str, Any]) -> Iterator[str]:
    from airflow.sdk.exceptions import ParamValidationError

    for name, value in asked.items():
        try:
            if name in params:
                params[name] = value
        except ParamValidationError as error:
            yield str(error).splitlines()[0]
