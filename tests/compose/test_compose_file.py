"""docker-compose.yaml keeps its promises as far as they can be read off it, with no engine at hand."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.compose.running import COMMANDS, installed
from tests.conftest import ROOT

COMPOSE_TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"secrets", "airflow-init"}
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("sagemaker-tuning-")}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def volumes_of(name: str) -> set[str]:
    return {volume.partition(":")[0] for volume in SERVICES[name].get("volumes", [])}


def waits_for(name: str) -> dict[str, str]:
    return {other: wait["condition"] for other, wait in SERVICES[name].get("depends_on", {}).items()}


def test_every_part_of_the_stack_is_a_service() -> None:
    airflow = {f"airflow-{part}" for part in ("api-server", "scheduler", "dag-processor", "triggerer", "worker")}
    assert set(SERVICES) == airflow | ONCE | {"postgres", "redis", "local-sagemaker"}


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(ports) == {"airflow-api-server", "local-sagemaker"}
    assert all(re.match(r"127\.0\.0\.1:\$\{\w+:-\d+\}:\d+$", port) for given in ports.values() for port in given)


def test_images_are_pinned() -> None:
    taken = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    taken += [image for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) if ":" in image]
    assert len(taken) == 3
    assert [image for image in taken if not re.fullmatch(r"[a-z/]+:[\w.-]*\d[\w.-]*", image)] == []


def test_every_service_that_stays_is_checked_and_started_again() -> None:
    for name in set(SERVICES) - ONCE:
        assert "test" in SERVICES[name]["healthcheck"], name
        assert SERVICES[name]["restart"] == "unless-stopped", name
    assert {SERVICES[name]["restart"] for name in ONCE} == {"no"}


def test_services_start_after_what_they_need() -> None:
    assert waits_for("postgres") == {"secrets": "service_completed_successfully"}
    assert waits_for("airflow-init") == {"postgres": "service_healthy"}
    for name in OURS - ONCE - {"local-sagemaker", "airflow-worker"}:
        assert waits_for(name)["airflow-init"] == "service_completed_successfully", name
    assert waits_for("airflow-scheduler")["redis"] == "service_healthy"
    assert waits_for("airflow-worker") == {"airflow-api-server": "service_healthy", "redis": "service_healthy"}


def test_the_one_service_that_may_be_left_out_is_nobodys_dependency() -> None:
    """Compose v2 can't take a stack down in which a service depends on one of scale 0."""
    assert {name for name, service in SERVICES.items() if "LOCAL_SAGEMAKER" in str(service.get("scale"))} == {
        "local-sagemaker"
    }
    assert not [name for name in SERVICES if "local-sagemaker" in waits_for(name)]


def test_nothing_of_ours_is_root() -> None:
    stages = [stage for stage in DOCKERFILE.split("\nFROM ") if "USER" in stage]
    assert len(stages) == 2
    assert [re.findall(r"^USER (\w+)", stage, re.MULTILINE)[-1] for stage in stages] == ["airflow", "airflow"]
    assert not [name for name, service in SERVICES.items() if "user" in service or "privileged" in service]
    assert all(SERVICES[name]["cap_drop"] == ["ALL"] for name in OURS)
    assert all(service["security_opt"] == ["no-new-privileges:true"] for service in SERVICES.values())


def test_code_of_users_runs_without_secrets_and_without_a_way_to_the_database() -> None:
    """Tasks in workers, training jobs in the local SageMaker."""
    for name in ("airflow-worker", "local-sagemaker"):
        assert volumes_of(name) & {"airflow-secrets", "postgres-secret"} == set(), name
        assert "database" not in SERVICES[name].get("networks", []), name
        assert not [variable for variable in SERVICES[name]["environment"] if variable.endswith("_CMD")], name
    assert "networks" not in SERVICES["local-sagemaker"], "nor to the queue"
    assert {name for name, network in COMPOSE["networks"].items() if network} == {"database", "queue"}
    assert all(COMPOSE["networks"][name] == {"internal": True} for name in ("database", "queue"))


def test_no_secret_is_written_down() -> None:
    environment = {
        name: value for service in SERVICES.values() for name, value in service.get("environment", {}).items()
    }
    secret = [name for name in environment if re.search(r"PASSWORD|SECRET|KEY|SQL_ALCHEMY", name)]
    assert [name for name in secret if not (name.endswith("_CMD") or name == "TUNING_KMS_KEY")] == []
    assert all(environment[name].startswith("cat /secrets/") for name in secret if name.endswith("_CMD"))


def test_every_volume_is_declared_and_used() -> None:
    named = {name for service in SERVICES for name in volumes_of(service)}
    assert named == set(COMPOSE["volumes"])


def test_neither_the_settings_nor_the_state_get_into_git_or_an_image() -> None:
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert patterns[0] == "*"
    assert {".env", ".local", ".git"}.isdisjoint(pattern.removeprefix("!") for pattern in patterns[1:])


@pytest.mark.parametrize("image", ["airflow", "local-sagemaker"])
def test_an_image_holds_the_versions_that_the_tests_run_with(image: str) -> None:
    locked, tested = (
        dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in (f"docker/{image}.txt", "requirements.txt")
    )
    assert len(locked) > 50
    # soupsieve has a version for each half of 3.11; make lock decides.
    other = {name for name in locked.keys() & tested.keys() - {"soupsieve"} if locked[name] != tested[name]}
    assert other == set(), "run `make lock`"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("files", [["docker-compose.yaml"], ["docker-compose.yaml", "docker-compose.dev.yaml"]])
def test_compose_takes_the_files(command: tuple[str, ...], files: list[str]) -> None:
    if not installed(command):
        pytest.skip(f"`{' '.join(command)}` is not installed")
    argv = [*command, "--env-file", ".env.example", *(part for name in files for part in ("-f", name)), "config", "-q"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
