"""Starts the service: takes the state folder, the port and MiniStack, serves, and ends what it started."""

import asyncio
import fcntl
import json
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from local_sagemaker.credentials import FILE_NAME, load_or_create
from local_sagemaker.engine import Engine
from local_sagemaker.errors import StartError
from local_sagemaker.service import Service
from local_sagemaker.settings import EXECUTION_ROLE, Settings
from local_sagemaker.store import Store
from local_sagemaker.training.faults import Fault

logger = logging.getLogger(__name__)

SERVICE_FILE = "service.json"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def serve(
    state: Path,
    *,
    host: str,
    port: int,
    region: str,
    max_processes: int,
    keys: Path | None = None,
    faults: tuple[Fault, ...] = (),
    check_iam: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT; port 0 takes a free one. Raises StartError where state or port is taken.

    keys: the file with the key pair, made if it is not there; else it lies in the state folder.
    """
    with _sole_owner(state), _listening(host, port) as listener:
        port = listener.getsockname()[1]
        credentials = load_or_create(keys or state / FILE_NAME)
        settings = Settings(
            state,
            credentials,
            host=host,
            port=port,
            region=region,
            faults=faults,
            max_processes=max_processes,
            check_iam=check_iam,
        )
        _configure_ministack(settings)
        asyncio.run(_serve(settings, listener))


async def _serve(settings: Settings, listener: socket.socket) -> None:
    # Imported here, because MiniStack reads the environment when it is imported.
    from ministack.app import app as ministack

    from local_sagemaker.app import App
    from local_sagemaker.iam import simulation

    simulation.install(settings)
    logging.getLogger("ministack").setLevel(logging.WARNING)
    service = Service(settings, Store(settings.state / "sagemaker.sqlite"))
    app, engine = App(service, ministack), Engine(service)
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    serving = asyncio.create_task(hypercorn_serve(app, _http(listener), shutdown_trigger=ending.wait))  # type: ignore[arg-type]
    try:
        await asyncio.to_thread(_make_role, service)
        engine.start()
        app.ready = True
        _announce(service)
        await serving
    finally:
        ending.set()
        await asyncio.to_thread(engine.close)
        await serving
        service.store.close()


def _http(listener: socket.socket) -> Config:
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    return config


def _make_role(service: Service) -> None:
    """The execution role that users name in their requests; IAM answers on the service's own port."""
    with suppress(service.iam.exceptions.EntityAlreadyExistsException):
        service.iam.create_role(RoleName=EXECUTION_ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))


def _announce(service: Service) -> None:
    """Tell people, and through service.json programs, where the service is."""
    settings = service.settings
    content = {"endpoint_url": settings.endpoint_url, "region": settings.region, "role_arn": settings.role_arn}
    partial = settings.state / (SERVICE_FILE + ".partial")
    partial.write_text(json.dumps(content | {"pid": os.getpid()}))
    partial.replace(settings.state / SERVICE_FILE)
    print(f"Local SageMaker at {settings.endpoint_url}, state and keys in {settings.state}", flush=True)


@contextmanager
def _sole_owner(state: Path) -> Iterator[None]:
    """The state folder, closed to other users, since keys and job environments lie in it."""
    try:
        state.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise StartError(f"The state folder {state} is, or lies below, a file; give another --state.") from None
    state.chmod(0o700)
    with (state / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartError(
                f"Another local SageMaker already uses the state folder {state}; stop it or give another --state."
            ) from None
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # now, so that the service's own calls wait for it on a busy machine and are not refused
    except OSError as error:
        listener.close()
        raise StartError(
            f"Port {port} of {host} can't be opened ({error.strerror}); give another --host or --port."
        ) from None
    with listener:
        yield listener


def _configure_ministack(settings: Settings) -> None:
    """MiniStack reads its settings from the environment when it is imported."""
    os.environ |= {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": settings.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.credentials.secret_key,
        "GATEWAY_PORT": str(settings.port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": settings.account,
        "MINISTACK_REGION": settings.region,
        "PERSIST_STATE": "1",
        "S3_DATA_DIR": str(settings.state / "s3"),
        "S3_PERSIST": "1",
        "SERVICES": "s3,sts,iam,logs",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(settings.state / "ministack"),
    }
    os.environ.pop("AWS_SESSION_TOKEN", None)
