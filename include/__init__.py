"""The library that does the work: datasets, storage and tuning, without Airflow and without TensorFlow."""
