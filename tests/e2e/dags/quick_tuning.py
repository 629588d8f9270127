"""The project's tuning half behind a data task of one line, so that a whole run takes seconds.

Four DAGs: the plain one, which many runs of at once may share; one that waits for ten seconds only; one whose runs may
take a minute and a half; and one on a schedule of a minute.
"""

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable, Param, task

from include import settings
from include.tuning.study import Objective, Range, Study
from sagemaker_tuning.params import TUNING, search_space
from sagemaker_tuning.task_errors import retry_policy
from sagemaker_tuning.task_group import tune

SETTINGS = settings.read(os.environ)
STUDY = Study(
    code="tests/e2e/quick_training",
    entry_point="train.py",
    framework="pytorch",
    framework_version="2.5",
    objective=Objective("loss", r"\bloss = ([0-9.]+)", "Minimize"),
    watched={},
    hyperparameters=(Range("rate", "continuous", value=0.5, low=0.0, high=1.0, least=0, most=1),),
    tuned=("rate",),
    fixed=("seconds", "seed"),
)
NEW_DATA = Asset("quick_data")
BEST = Asset("quick_best_model")


def quick_dag(dag_id: str, *, schedule: Any = None, seconds: float = 1, max_wait: float = 600, **options: Any) -> DAG:
    """A DAG of the tuning half whose trials take so many seconds."""
    own = {"seconds": Param(seconds, type="number"), "height": Param(1.0, type="number"), **search_space(STUDY)}
    fast = {"jobs": replace_default(TUNING["jobs"], 3)}
    with DAG(
        dag_id=dag_id,
        schedule=schedule,
        catchup=False,
        params=own | TUNING | fast,
        default_args={"retries": 3, "retry_delay": timedelta(seconds=3), "retry_policy": retry_policy()},
        **options,
    ) as dag:

        @task(inlets=[NEW_DATA])
        def put_data(*, inlet_events: Any = None) -> dict[str, Any]:
            """One object for each channel, which holds a number; the newest update of the asset says which one."""
            from include.storage.buckets import ensure_bucket
            from sagemaker_tuning.data_tasks import layout_of, newest_source
            from sagemaker_tuning.run import Run
            from sagemaker_tuning.task_errors import one_line_errors

            @one_line_errors
            def put() -> dict[str, Any]:
                run = Run.current()
                height = newest_source(inlet_events[NEW_DATA], "quick") or str(run.params["height"])
                s3, layout = run.client("s3"), layout_of(run)
                ensure_bucket(s3, layout.bucket, run.region, account=run.account)
                splits = {name: layout.split("quick", height, name) for name in ("train", "validation")}
                for key in splits.values():
                    s3.put_object(Bucket=layout.bucket, Key=f"{key}/part-0", Body=height.encode())
                uris = {name: layout.uri(key) + "/" for name, key in splits.items()}
                return {"dataset": "quick", "fingerprint": height, **uris}

            return put()

        tune(STUDY, put_data(), replace(SETTINGS, poll_seconds=1), BEST, max_wait=timedelta(seconds=max_wait))
    return dag


def replace_default(param: Param, value: Any) -> Param:
    """The same Param with another default."""
    return Param(value, description=param.description, **param.schema)


MINUTELY = AssetOrTimeSchedule(timetable=CronTriggerTimetable("* * * * *", timezone="UTC"), assets=[NEW_DATA])

quick = quick_dag("quick_tuning", max_active_runs=30, max_active_tasks=100)
hasty = quick_dag("hasty_tuning", seconds=90, max_wait=10)
brief = quick_dag("brief_tuning", seconds=300, dagrun_timeout=timedelta(seconds=90))
scheduled = quick_dag("scheduled_tuning", schedule=MINUTELY, max_active_runs=1, is_paused_upon_creation=True)
