"""What a check of a deployment finds: a line each, ok or what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import ClientError

GUIDE = "docs/deploy-to-aws.md"
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: fine ("ok"), to be mended ("no"), or not to be seen with these keys ("?")."""

    state: Literal["ok", "no", "?"]
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.state:3} {self.subject:12} {self.text}"


def ok(subject: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", subject, text)


def no(subject: str, text: str) -> Finding:
    """To be mended before the first run; the text says how."""
    return Finding("no", subject, text)


def unknown(subject: str, text: str) -> Finding:
    """Not to be seen from here; the text says why, and where to look."""
    return Finding("?", subject, text)


def is_denied(error: ClientError) -> bool:
    """Whether AWS refused for want of a permission."""
    return str(error.response["Error"]["Code"]) in _DENIED


def told(error: Exception) -> str:
    """The error in one line."""
    return " ".join(str(error).split())


def passes(findings: Iterable[Finding]) -> bool:
    """Whether nothing has to be mended."""
    return all(finding.state != "no" for finding in findings)
