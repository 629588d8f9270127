"""What the service is told at its start: where it listens, where its state lives, who may call it."""

from dataclasses import dataclass
from pathlib import Path

from local_sagemaker.training.faults import Fault

LOOPBACK = "127.0.0.1"
"""The address that the service listens on unless told otherwise: whoever can submit a job can run code."""
EVERY_ADDRESS = "0.0.0.0"
DEFAULT_PORT = 4599
DEFAULT_REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
EXECUTION_ROLE = "SageMakerExecutionRole"


@dataclass(frozen=True)
class Credentials:
    """The one key pair that owns the service; IAM users made with it have their own."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Settings:
    """Everything that the service reads from outside, read once by __main__.py."""

    state: Path
    credentials: Credentials
    host: str = LOOPBACK
    """An IPv4 address of this machine, or EVERY_ADDRESS."""
    port: int = DEFAULT_PORT
    region: str = DEFAULT_REGION
    account: str = ACCOUNT_ID
    faults: tuple[Fault, ...] = ()
    max_processes: int = 4
    """Training processes at once on this machine, one a host of a job."""
    check_iam: bool = False
    """Whether SageMaker's callers and the roles of its jobs may only what their policies allow."""

    @property
    def endpoint_url(self) -> str:
        """Where clients on this machine, the service's own included, reach it."""
        return f"http://{LOOPBACK if self.host == EVERY_ADDRESS else self.host}:{self.port}"

    @property
    def role_arn(self) -> str:
        """The execution role that the service makes for its users at start."""
        return f"arn:aws:iam::{self.account}:role/{EXECUTION_ROLE}"

    @property
    def jobs_folder(self) -> Path:
        """One folder a training job lies below."""
        return self.state / "training-jobs"
