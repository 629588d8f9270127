"""One machine's stack, a local SageMaker and a real Airflow: start, watch, stop. `python -m include.local_stack`."""
