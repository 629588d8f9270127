# Two commands matter: `make run` and `make test`. Everything else is here, one line of help each.

PYTHON ?= python3.11
AIRFLOW_PORT ?= 8080
SAGEMAKER_PORT ?= 4599
STACK = .venv/bin/python -m include.local_stack --airflow-port $(AIRFLOW_PORT) --sagemaker-port $(SAGEMAKER_PORT)

# Airflow's own parts of the project at work outside Airflow: no home to read, no database, nothing said but by us.
PLUGIN = AIRFLOW_HOME=$(CURDIR)/.local/no-airflow AIRFLOW__CORE__LOAD_EXAMPLES=false AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR \
  PYTHONPATH=.:plugins .venv/bin/python -m

.PHONY: help run up down test test-slow test-faults test-browser test-compose test-mwaa dry-run aws-policies aws-check mwaa check format lock clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: .venv/installed ## tune MNIST from download to best model: DATASET=, SOURCE=, PARAMS='{"jobs": 3}'
	@$(STACK) run --dataset '$(DATASET)' --source '$(SOURCE)' --params '$(PARAMS)'

up: .venv/installed ## the same stack left running, with Airflow's UI
	@$(STACK) up

down: .venv/installed ## stop what `make up` started
	@$(STACK) down

test: .venv/installed ## all tests but the slowest, two at a time
	@.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: .venv/installed ## the tests that take too long for every change: faults under a scheduler, many kills, several hosts
	@.venv/bin/python -m pytest -m slow

test-faults: .venv/installed ## a real Airflow, and what is killed, cleared or away: prints the table of docs/tuning.md
	@.venv/bin/python -m pytest -m slow -s tests/e2e/test_faults.py tests/e2e/test_schedule.py

test-browser: .venv/installed ## the UI in a real browser; SCREENSHOTS=<folder> keeps the pictures. Needs chromium
	@.venv/bin/python -m pytest -m slow tests/e2e/test_browser.py

test-compose: .venv/installed ## docker-compose.yaml for real: workers killed, down and up again; needs a Docker engine
	@.venv/bin/python -m pytest -m docker -s tests/compose

test-mwaa: .venv/installed ## the archive of `make mwaa` in a Python 3.12 as MWAA has it: PYTHON312=
	@PYTHON312='$(PYTHON312)' .venv/bin/python -m pytest -m mwaa

dry-run: .venv/installed ## print the request that a run would send to SageMaker: PARAMS=, ACCOUNT=, REGION=, ROLE=
	@$(PLUGIN) sagemaker_tuning.dry_run --dag '$(or $(DAG),mnist_tuning)' --params '$(PARAMS)' \
	  $(if $(ACCOUNT),--account '$(ACCOUNT)') $(if $(REGION),--region '$(REGION)') $(if $(ROLE),--role '$(ROLE)')

aws-policies: .venv/installed ## IAM policies for ACCOUNT=, REGION=, BUCKET=, ROLE= into .local/aws
	@.venv/bin/python -m include.aws --account '$(ACCOUNT)' --region '$(REGION)' --bucket '$(BUCKET)' --role '$(ROLE)' \
	  --prefix '$(or $(PREFIX),mnist-tuning)' --jobs '$(or $(JOBS),mnist-tuning)'

aws-check: .venv/installed ## is AWS ready for a run? keys, permissions, role, bucket, image, quotas: PARAMS=
	@$(PLUGIN) sagemaker_tuning.aws_check --dag '$(or $(DAG),mnist_tuning)' --params '$(PARAMS)'

mwaa: .venv/installed ## pack dags, plugins, include and training for Amazon MWAA into .local/mwaa
	@$(PLUGIN) sagemaker_tuning.mwaa

check: .venv/installed ## style, types and the import contract
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy include plugins local_sagemaker
	@PYTHONPATH=.:plugins .venv/bin/lint-imports --no-cache

format: .venv/installed ## put the code into its format
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

lock: .venv/installed ## requirements.in -> requirements.txt, and those of the images in docker/
	@{ sed -n 1p requirements.txt; .venv/bin/uv pip compile requirements.in --python-version 3.11 --universal -q \
	  --no-header --no-annotate | sed "s/ ; python_full_version < '3.12'$$//; s/python_full_version < '3.12' and //; \
	  s/ ; python_full_version >= '3.11' and python_full_version < '3.12'$$//"; } > requirements.txt.new
	@mv requirements.txt.new requirements.txt
	@for image in airflow local-sagemaker; do \
	  { sed -n 1p docker/$$image.txt; .venv/bin/uv pip compile docker/$$image.in -c requirements.txt --python-version 3.11 \
	    --python-platform linux -q --no-header --no-annotate; } > docker/$$image.txt.new \
	  && mv docker/$$image.txt.new docker/$$image.txt || exit 1; done

clean: ## remove the environment and all local state
	rm -rf .venv .local

# uv where it can reach the registry, else pip, which knows a registry configured for pip alone. The bytecode is made here,
# half a minute once: else every process of a stack would compile TensorFlow and Airflow for itself, for ever where
# PYTHONDONTWRITEBYTECODE is set.
.venv/installed: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed; name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "$(PYTHON) is $$($(PYTHON) --version), and 3.11 is needed; name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "installing into .venv (about 3 GB, once)"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -q --disable-pip-version-check uv
	@.venv/bin/uv pip install -q --python .venv/bin/python -r requirements.txt || \
	  .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps -r requirements.txt
	@.venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null || :
	@touch $@
