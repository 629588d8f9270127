"""Pages of the plugin in Airflow's own web server."""
