"""Tuning: search space, request, code archive, trials, best model. Knows SageMaker and nothing of Airflow."""
