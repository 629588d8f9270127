"""A request's body, of which no more is kept than its request may have."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from local_sagemaker.errors import ServiceError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

_DISCARDED = 2**20
"""Bytes of a refused body that are read, and dropped, so that most clients have sent all when their answer comes."""


class DisconnectedError(Exception):
    """The client has gone before its request was whole."""


class Body:
    """Read once, or discarded; `receive` is ASGI's."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    async def read(self, longest: int | None) -> bytes:
        """All of it. Raises ServiceError (413) beyond `longest` bytes, and DisconnectedError."""
        parts, length = [], 0
        while self._more:
            part = await self._part()
            length += len(part)
            if longest is not None and length > longest:
                message = f"The request's body is longer than {longest} bytes."
                raise ServiceError("RequestEntityTooLargeException", message, status=413)
            parts.append(part)
        return b"".join(parts)

    async def discard(self) -> None:
        """Read on without keeping anything, up to a limit behind which the connection is closed on the client."""
        length = 0
        while self._more and length < _DISCARDED:
            length += len(await self._part())

    async def _part(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        self._more = message.get("more_body", False)
        part: bytes = message.get("body", b"")
        return part
