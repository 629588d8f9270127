"""The one module of plugins/ that Airflow imports by itself; what it registers lives in the package sagemaker_tuning.

Every Airflow component imports it at start, so it imports nothing but the plugin manager.
"""

from airflow.plugins_manager import AirflowPlugin


class SageMakerTuningPlugin(AirflowPlugin):
    """Makes the package show in `airflow plugins`; links, triggers and pages are to be registered here."""

    name = "sagemaker_tuning"
