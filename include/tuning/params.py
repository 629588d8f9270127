"""Checks what the trigger form can't: Params that are fine one by one and wrong together, or that only AWS forbids."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from include.errors import StorageError, TuningParamsError
from include.storage.s3_layout import S3Layout
from include.tuning import cost, search_space
from include.tuning.study import TUNE, Study

_ROLE = re.compile(r"[\w+=,.@-]{1,64}|arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
MOST_TAGS = 40  # of SageMaker's 50; the rest are the project's own


def check(params: Mapping[str, Any], study: Study, known: Collection[str] | None = None) -> None:
    """Raises TuningParamsError that lists every fault at once. `known`, if at hand: the names of the DAG's Params."""
    unknown = [] if known is None else list(_unknown_names(params, known))
    found = [*unknown, *faults(params, study)]
    if found:
        raise TuningParamsError(found)


def faults(params: Mapping[str, Any], study: Study) -> Iterator[str]:
    """What is wrong with the Params, a line each: which one, its value, what to give instead."""
    in_space = [*_tune_faults(params, study), *search_space.faults(study.space(params))]
    yield from in_space
    jobs, parallel = params["jobs"], params["parallel_jobs"]
    if parallel > jobs and params["strategy"] != "Grid":
        yield f"parallel_jobs ({parallel}) is above jobs ({jobs}); give at most as many as there are jobs"
    yield from _strategy_faults(params, study)
    if not in_space:
        yield from _count_faults(params, study)
    yield from _sharing_faults(params, study)
    if not in_space and (too_much := cost.fault(study, params)):
        yield too_much
    yield from _account_faults(params)


def _unknown_names(params: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    """Airflow takes any name in a run's conf, and nothing would come of it."""
    for name in sorted(set(params) - set(known)):
        nearest = get_close_matches(name, known, n=1)
        hint = f"the nearest is {nearest[0]}" if nearest else f"there are {', '.join(sorted(known))}"
        yield f"the DAG has no Param {name!r}; {hint}"


def _tune_faults(params: Mapping[str, Any], study: Study) -> Iterator[str]:
    known = [item.name for item in study.hyperparameters]
    if unknown := [name for name in params[TUNE] if name not in known]:
        yield f"{TUNE} names {', '.join(map(repr, unknown))}; there are {', '.join(known)}"
    if not params[TUNE]:
        yield f"{TUNE} is empty; name at least one of {', '.join(known)}"


def _strategy_faults(params: Mapping[str, Any], study: Study) -> Iterator[str]:
    strategy, space = params["strategy"], study.space(params)
    numbers = [name for name, bounds in space.items() if bounds["kind"] != "categorical"]
    if strategy == "Grid" and numbers:
        yield f"strategy Grid takes categorical hyperparameters only; tune without {', '.join(numbers)}"
    if strategy == "Hyperband" and params["early_stopping"]:
        yield "early_stopping has to be off with the strategy Hyperband, which stops trials itself"
    if strategy == "Hyperband" and (study.most_emissions(params) or 0) < 2:
        seldom = " and ".join(study.emissions or ()) or "the study"
        yield f"strategy Hyperband needs trials that print the objective more than once; change {seldom}"


def _count_faults(params: Mapping[str, Any], study: Study) -> Iterator[str]:
    """SageMaker tries no combination twice, and refuses a job that asks for more than there are."""
    there = search_space.combinations(study.space(params))
    name = "parallel_jobs" if params["strategy"] == "Grid" else "jobs"
    if params[name] > there:
        yield f"{name} ({params[name]}) is above the {there:g} combinations of what is tuned; give at most those"


def _sharing_faults(params: Mapping[str, Any], study: Study) -> Iterator[str]:
    instances = params["instance_count"]
    if study.shared is None or instances == 1:
        return
    if study.shared in params[TUNE]:
        yield f"{study.shared} can't be tuned with instance_count above 1, which has to divide it; tune without it"
    elif params[study.shared] % instances:
        yield f"{study.shared} ({params[study.shared]}) can't be shared by {instances} instances; give a multiple"


def _account_faults(params: Mapping[str, Any]) -> Iterator[str]:
    if bucket := params["bucket"]:
        yield from _bucket_faults(bucket)
    if (role := params["role"] or "") and not _ROLE.fullmatch(role):
        yield f"role {role!r} is neither an IAM role's name nor its ARN (arn:aws:iam::<account>:role/<name>)"
    if (prefix := params["prefix"] or "") and ("//" in prefix or "://" in prefix or not prefix.isprintable()):
        yield f"prefix {prefix!r} is no S3 key prefix; give words joined by single slashes, such as team/mnist"
    tags = params["tags"] or {}
    if len(tags) > MOST_TAGS:
        yield f"tags has {len(tags)} entries; give at most {MOST_TAGS}"
    if reserved := [key for key in tags if key.lower().startswith("aws:")]:
        yield f"tags: {', '.join(reserved)} begins with aws:, which AWS keeps to itself"


def _bucket_faults(bucket: str) -> Iterator[str]:
    try:
        S3Layout(bucket, "")
    except StorageError as error:
        yield str(error)
