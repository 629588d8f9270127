"""The parts of the project that know Airflow: operators, sensors, task bodies, and the tuning half of a DAG."""
