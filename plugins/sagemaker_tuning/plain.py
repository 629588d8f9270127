"""AWS answers as plain JSON, which is all that an XCom should hold."""

from datetime import datetime
from typing import Any


def plain(answer: Any) -> Any:
    """The same answer with ISO 8601 times and without ResponseMetadata."""
    if isinstance(answer, dict):
        return {key: plain(value) for key, value in answer.items() if key != "ResponseMetadata"}
    if isinstance(answer, list):
        return [plain(value) for value in answer]
    return answer.isoformat() if isinstance(answer, datetime) else answer
