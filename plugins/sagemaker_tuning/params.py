"""The Params of the tuning half, as the trigger form draws them; a DAG adds those of its data."""

from typing import Any

from airflow.sdk import Param

from include.tuning.study import TUNE, Choice, Range, Study

DATA, SEARCH_SPACE, SEARCH, TRAINING, AFTERWARDS = "Data", "Search space", "Search", "Training", "Afterwards"
"""The form's sections, in its order."""

_PLACES = {
    "bucket": Param(
        "",
        type=["null", "string"],
        title="Bucket",
        description="Made if missing. Empty: the deployment's TUNING_BUCKET, else sagemaker-<region>-<account>.",
        section=DATA,
    ),
    "prefix": Param(
        "",
        type=["null", "string"],
        title="Prefix",
        description="Of every S3 key that the run writes. Empty: the deployment's TUNING_PREFIX, else mnist-tuning.",
        section=DATA,
    ),
}

_STRATEGIES = {
    "Bayesian": "Bayesian: learns from each trial where to look next",
    "Random": "Random: samples; the same seed tries the same settings",
    "Hyperband": "Hyperband: starts many, goes on with the best",
    "Grid": "Grid: every combination; categorical hyperparameters only",
}

_SEARCH = {
    "strategy": Param(
        "Bayesian",
        type="string",
        enum=list(_STRATEGIES),
        values_display=_STRATEGIES,
        title="Strategy",
        description="How the next trials' hyperparameters are chosen.",
        section=SEARCH,
    ),
    "jobs": Param(
        9,
        type="integer",
        minimum=1,
        maximum=750,
        title="Trials",
        description="How many training jobs the tuning job runs in all. Grid runs every combination instead.",
        section=SEARCH,
    ),
    "parallel_jobs": Param(
        3,
        type="integer",
        minimum=1,
        maximum=100,
        title="Trials at a time",
        description="How many of them run side by side; at most as many as there are trials.",
        section=SEARCH,
    ),
    "early_stopping": Param(
        False,
        type="boolean",
        title="Early stopping",
        description="Stops a trial whose objective is worse than the median of the others at the same point.",
        section=SEARCH,
    ),
    "seed": Param(
        0,
        type="integer",
        minimum=0,
        maximum=2**31 - 1,
        title="Seed",
        description="Of the validation split, the search and the training.",
        section=SEARCH,
    ),
    "warm_start": Param(
        "auto",
        type="string",
        enum=["auto", "off"],
        values_display={"auto": "Learn from earlier tuning jobs that fit", "off": "Start from nothing"},
        title="Warm start",
        description="Up to five finished tuning jobs of this DAG and dataset become parents; if none fits, the log "
        "says why.",
        section=SEARCH,
    ),
    "budget_usd": Param(
        None,
        type=["null", "number"],
        exclusiveMinimum=0,
        title="Budget, US dollars",
        description="A run that may cost more (trials x instances x longest run x price) is refused before it starts. "
        "Empty: no limit.",
        section=SEARCH,
    ),
    "force": Param(
        False,
        type="boolean",
        title="Tune even if nothing has changed",
        description="Else a run with the data, code, image and search of the last success is skipped.",
        section=SEARCH,
    ),
}

_TRAINING = {
    "instance_type": Param(
        "ml.m5.xlarge",
        type="string",
        pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$",
        examples=["ml.m5.xlarge", "ml.m5.2xlarge", "ml.c5.xlarge", "ml.c5.2xlarge", "ml.g4dn.xlarge", "ml.g5.xlarge"],
        title="Instance type",
        description="The machine of each trial. Types with a GPU get the GPU image.",
        section=TRAINING,
    ),
    "instance_count": Param(
        1,
        type="integer",
        minimum=1,
        maximum=20,
        title="Instances a trial",
        description="More than one trains a trial on several machines together.",
        section=TRAINING,
    ),
    "max_runtime_minutes": Param(
        60,
        type="integer",
        minimum=1,
        maximum=28 * 24 * 60,
        title="Longest run of a trial, minutes",
        description="A trial that takes longer is stopped.",
        section=TRAINING,
    ),
    "spot": Param(
        False,
        type="boolean",
        title="Spot instances",
        description="Cheaper; an interrupted trial goes on from its last checkpoint.",
        section=TRAINING,
    ),
    "spot_wait_minutes": Param(
        60,
        type="integer",
        minimum=0,
        maximum=28 * 24 * 60,
        title="Longest wait for spot instances, minutes",
        description="Beyond the longest run. Counts with spot instances only.",
        section=TRAINING,
    ),
    "role": Param(
        "",
        type=["null", "string"],
        title="Execution role",
        description="Name or ARN of the IAM role that training jobs run under. Empty: the connection's extra "
        "sagemaker_execution_role.",
        section=TRAINING,
    ),
    "tags": Param(
        {},
        type=["null", "object"],
        additionalProperties={"type": "string"},
        title="Tags",
        description='Of the tuning job and its trials, beside the project\'s own: {"team": "vision"}.',
        section=TRAINING,
    ),
}

_AFTERWARDS = {
    "accept_stopped": Param(
        False,
        type="boolean",
        title="Take the best of a stopped tuning job",
        description="A tuning job that somebody stopped passes if a trial has a model by then; else it fails the run.",
        section=AFTERWARDS,
    ),
    "when_cleared": Param(
        "reuse",
        type="string",
        enum=["reuse", "new"],
        values_display={"reuse": "Reuse its finished tuning job", "new": "Make a new tuning job"},
        title="When this run is cleared",
        description="To be chosen now, since a cleared run keeps its Params. A tuning job that was stopped or failed "
        "is never reused.",
        section=AFTERWARDS,
    ),
}

TUNING: dict[str, Param] = {**_PLACES, **_SEARCH, **_TRAINING, **_AFTERWARDS}
"""Of every study. A DAG that is scheduled needs all of them to have a default."""


def search_space(study: Study) -> dict[str, Param]:
    """The Params that tune or fix each of the study's hyperparameters."""
    names = {known.name: known.title or known.name for known in study.hyperparameters}
    tune = Param(
        list(study.tuned),
        type="array",
        items={"type": "string", "enum": list(names)},
        examples=list(names),
        values_display=names,
        title="Tuned hyperparameters",
        description="These are searched between their bounds; each other one has its fixed value.",
        section=SEARCH_SPACE,
    )
    params = {TUNE: tune}
    for known in study.hyperparameters:
        params |= _of_choice(known) if isinstance(known, Choice) else _of_range(known)
    return params


def _of_range(known: Range) -> dict[str, Param]:
    title = known.title or known.name
    schema: dict[str, Any] = {
        "type": "integer" if known.kind == "integer" else "number",
        "minimum": known.least,
        "maximum": known.most,
        "section": SEARCH_SPACE,
    }
    return {
        known.name: Param(known.value, title=f"{title}, fixed", description=_sentence(known), **schema),
        f"{known.name}_min": Param(known.low, title=f"{title}, from", description="If tuned.", **schema),
        f"{known.name}_max": Param(known.high, title=f"{title}, to", description="If tuned.", **schema),
    }


def _of_choice(known: Choice) -> dict[str, Param]:
    title = known.title or known.name
    words = list(known.values)
    return {
        known.name: Param(
            known.value,
            type="string",
            enum=words,
            title=f"{title}, fixed",
            description=_sentence(known),
            section=SEARCH_SPACE,
        ),
        f"{known.name}_values": Param(
            words,
            type="array",
            items={"type": "string", "enum": words},
            examples=words,
            title=f"{title}, among",
            description="If tuned.",
            section=SEARCH_SPACE,
        ),
    }


def _sentence(known: Range | Choice) -> str:
    return f"If not tuned. {known.help}".strip()
