"""The FailureReason of a training job whose command ended badly, in the toolkit's and SageMaker's form."""

import re
from collections.abc import Sequence

from local_sagemaker.training.opt_ml import OptMl

_LONGEST = 1024
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)\b.*")


def reason(folders: OptMl, code: int, last_lines: Sequence[str], command: Sequence[str], host: str | None) -> str:
    """What the script wrote to its failure file, else its last exception, else its last line, with the exit code.

    `host` is the one that failed, where there are several.
    """
    written = _failure_file(folders)
    if written is None:
        said = next((line for line in reversed(last_lines) if _EXCEPTION.match(line)), None)
        said = said or next((line for line in reversed(last_lines) if line.strip()), "")
        written = f'ExecuteUserScriptError: ExitCode {code} ErrorMessage "{said}" Command "{" ".join(command)}"'
    ending = f", exit code: {code}"
    head = f"AlgorithmError: {f'{host}: ' if host else ''}"
    return head + written[: _LONGEST - len(ending) - len(head)] + ending


def _failure_file(folders: OptMl) -> str | None:
    try:
        return folders.failure.read_text(errors="replace").strip()[:_LONGEST] or None
    except OSError:
        return None
