"""The links of the tuning tasks in Airflow's UI: to AWS's console, or for another endpoint to the plugin's pages."""

from typing import Any

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink, get_current_context

from include.storage.s3_layout import parse_s3_uri
from include.tuning import console

URL_PREFIX = "/sagemaker-tuning"


class _Link(BaseOperatorLink):
    """A link whose address the task leaves in its operator's `links`; Airflow keeps it when the task ends or waits."""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        """The address, "" where the task has not come so far."""
        return str(getattr(operator, "links", {}).get(self.name, ""))


class TuningJobLink(_Link):
    """The tuning job: its state, its trials."""

    name = "Tuning job"


class TrialLogsLink(_Link):
    """What the trials printed."""

    name = "Trial logs"


class BestModelLink(_Link):
    """The best model's archive."""

    name = "Best model"


TUNING_LINKS = (TuningJobLink(), TrialLogsLink())


def of_tuning_job(sagemaker: Any, dag_id: str, name: str) -> dict[str, str]:
    """The addresses of a job that `sagemaker` knows, by the links' names."""
    region, shown_at = sagemaker.meta.region_name, console.console_of(sagemaker.meta.endpoint_url)
    if shown_at:
        return {
            TuningJobLink.name: console.tuning_job(shown_at, region, name),
            TrialLogsLink.name: console.logs(shown_at, region, name),
        }
    page = _page(dag_id, name)
    return {TuningJobLink.name: page, TrialLogsLink.name: f"{page}/log"}


def of_best_model(s3: Any, dag_id: str, tuning_job: str, artifact: str) -> dict[str, str]:
    """The address of a best model's archive, by the link's name."""
    shown_at = console.console_of(s3.meta.endpoint_url)
    if shown_at:
        return {BestModelLink.name: console.s3_object(shown_at, s3.meta.region_name, *parse_s3_uri(artifact))}
    return {BestModelLink.name: f"{_page(dag_id, tuning_job)}/model"}


def show(addresses: dict[str, str]) -> None:
    """Leave addresses for the links of the task that is executing, in a body that does not see its operator."""
    get_current_context()["ti"].task.links = addresses


def _page(dag_id: str, tuning_job: str) -> str:
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return f"{base}{URL_PREFIX}/{dag_id}/{tuning_job}"
