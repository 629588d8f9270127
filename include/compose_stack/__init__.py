"""What docker-compose.yaml runs once at each start, before Airflow: secrets, then database, login and connection."""
