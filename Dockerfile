# Two images: `airflow` runs every part of Airflow, `local-sagemaker` the SageMaker of one machine. docker-compose.yaml
# builds both. Packages are the project's own locks in an environment of their own, not the base's, so that what runs is
# what the tests have run with. The base gives Python, dumb-init, the entrypoint and a user that is not root.
FROM apache/airflow:3.3.2-python3.11 AS base
ENV VIRTUAL_ENV=/home/airflow/project \
    PATH="/home/airflow/project/bin:${PATH}" \
    PYTHONPATH=/opt/airflow

# Built apart from the images, which so keep no trace of a package index that has a password in its address.
FROM base AS airflow-packages
ARG PIP_INDEX_URL=""
COPY --chown=airflow:0 docker/airflow.txt /tmp/
RUN uv venv --quiet --no-python-downloads --python 3.11 "${VIRTUAL_ENV}" \
 && UV_DEFAULT_INDEX="${PIP_INDEX_URL}" uv pip install --quiet --no-cache --no-deps --compile-bytecode -r /tmp/airflow.txt \
 && uv pip check

FROM base AS airflow
COPY --from=airflow-packages --chown=airflow:0 /home/airflow/project /home/airflow/project
# Fresh volumes take their owner from these folders.
USER root
RUN mkdir -p /secrets/airflow /secrets/postgres /secrets/sagemaker && chown -R airflow:0 /secrets && chmod -R 700 /secrets
USER airflow
COPY --chown=airflow:0 dags /opt/airflow/dags
COPY --chown=airflow:0 plugins /opt/airflow/plugins
COPY --chown=airflow:0 include /opt/airflow/include
COPY --chown=airflow:0 training /opt/airflow/training

FROM base AS local-sagemaker-packages
ARG PIP_INDEX_URL=""
COPY --chown=airflow:0 docker/local-sagemaker.txt /tmp/
RUN uv venv --quiet --no-python-downloads --python 3.11 "${VIRTUAL_ENV}" \
 && UV_DEFAULT_INDEX="${PIP_INDEX_URL}" uv pip install --quiet --no-cache --no-deps --compile-bytecode -r /tmp/local-sagemaker.txt \
 && uv pip check

FROM base AS local-sagemaker
COPY --from=local-sagemaker-packages --chown=airflow:0 /home/airflow/project /home/airflow/project
USER root
RUN mkdir -p /state /secrets/sagemaker && chown -R airflow:0 /state /secrets && chmod -R 700 /state /secrets
USER airflow
COPY --chown=airflow:0 local_sagemaker /opt/airflow/local_sagemaker
