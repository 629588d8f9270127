"""The one module of plugins/ that Airflow imports by itself; what it registers lives in the package sagemaker_tuning.

Every Airflow component imports it at start, so it imports nothing but the plugin manager until the web server asks.
"""

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class _Pages:
    """The pages' app, imported at the first request: FastAPI and boto3 are no business of a worker's."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """An ASGI application."""
        if self._app is None:
            from sagemaker_tuning.ui.pages import app

            self._app = app
        await self._app(scope, receive, send)


class SageMakerTuningPlugin(AirflowPlugin):
    """The pages of tuning jobs. The links of tasks are named by their operators."""

    name = "sagemaker_tuning"
    fastapi_apps = [{"app": _Pages(), "url_prefix": "/sagemaker-tuning", "name": "SageMaker tuning"}]  # noqa: RUF012
