"""The ASGI application on the one port: the door, SageMaker, and MiniStack's S3, STS, IAM and Logs behind it."""

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from local_sagemaker import protocol
from local_sagemaker.body import Body, DisconnectedError, Message, Receive
from local_sagemaker.errors import ServiceError, UnsupportedError
from local_sagemaker.iam import needs
from local_sagemaker.iam.permissions import check_request
from local_sagemaker.operations import OPERATIONS
from local_sagemaker.service import Service
from local_sagemaker.signature import check_signature, require_signature
from local_sagemaker.validation import validate

logger = logging.getLogger(__name__)

Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

HEALTH_PATH = "/_local_sagemaker/health"
_LONGEST_REQUEST = 4 * 2**20
"""Bytes of a request to SageMaker itself; the service model allows less in any operation that is here."""
_OPERATIONS_AT_ONCE = 16


class App:
    """Answers SageMaker's requests itself and hands the rest to `others` (MiniStack); nothing unsigned passes.

    `ready` is set once the service can take jobs; the health page, the only unsigned one, answers 503 until then.
    """

    def __init__(self, service: Service, others: Application) -> None:
        self._service = service
        self._others = others
        # Operations ask IAM over this same port: in the pool that checks signatures, they would wait for each other.
        self._operations = ThreadPoolExecutor(_OPERATIONS_AT_ONCE, thread_name_prefix="operation")
        self.ready = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, or the server's start and end."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._others(scope, receive, send)
            return
        if scope["path"] == HEALTH_PATH and scope["method"] == "GET":
            await _answer(send, *((200, b'{"status": "ok"}') if self.ready else (503, b'{"status": "starting"}')))
            return
        target = _header(scope, b"x-amz-target")
        own = target.startswith(protocol.TARGET_PREFIX)
        try:
            body = await _read(scope, receive, _LONGEST_REQUEST if own else None)
            key = await asyncio.to_thread(check_signature, scope, body, self._service.settings.credentials)
        except DisconnectedError:
            return
        except ServiceError as error:
            await _refuse(scope, send, error, target)
            return
        if own:
            loop = asyncio.get_running_loop()
            status, answer = await loop.run_in_executor(self._operations, self._sagemaker, target, body, key)
            await _answer(send, status, answer)
        else:
            await self._others(scope, _replay(body, receive), send)

    def _sagemaker(self, target: str, body: bytes, access_key: str) -> tuple[int, bytes]:
        try:
            operation = protocol.find_operation(target)
            if operation.name not in OPERATIONS:
                raise UnsupportedError(f"The operation {operation.name}")
            request = protocol.parse_body(body)
            if operation.input_shape is not None:
                validate(request, operation.input_shape)
            if self._service.settings.check_iam:
                settings = self._service.settings
                check_request(access_key, needs.of_request(operation.name, request, settings), settings)
            answer = OPERATIONS[operation.name](self._service, request)
            return 200, protocol.serialise(answer, operation.output_shape)
        except ServiceError as error:
            return error.status, protocol.serialise_error(error)
        except Exception:
            logger.exception("%s met a fault.", target)
            fault = ServiceError("InternalFailure", "The service met a fault; see its log.")
            return 500, protocol.serialise_error(fault)


async def _read(scope: Message, receive: Receive, longest: int | None) -> bytes:
    """The body of a request that carries a signature. Raises ServiceError before it has read one that does not."""
    body = Body(receive)
    try:
        require_signature(scope)
        return await body.read(longest)
    except ServiceError:
        await body.discard()
        raise


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(scope: Message, send: Send, error: ServiceError, target: str) -> None:
    """A refusal in the form of the service that was asked, so that its client can read it."""
    if target.startswith(protocol.TARGET_PREFIX):
        await _answer(send, error.status, protocol.serialise_error(error))
        return
    from ministack.core.iam_actions import access_denied_response

    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    name = "logs" if target else _signed_for(scope)  # Logs is the one service here that is asked by targets
    status, kind, body = access_denied_response(
        name, "", "", str(uuid.uuid4()), error_code=error.code, message=error.message, headers=headers
    )
    await _answer(send, status, b"" if scope["method"] == "HEAD" else body, kind["Content-Type"])


def _signed_for(scope: Message) -> str:
    """The service in a signature's scope, which may be anything; S3 where there is none, as in a browser's request.

    MiniStack's own way to tell loads every service model of botocore at the first name that it does not know.
    """
    signed = _header(scope, b"authorization") or unquote(scope["query_string"].decode("latin-1"))
    named = re.search(r"Credential=[^/&]+/[^/&]+/[^/&]+/([^/&]+)/", signed)
    return named[1] if named else "s3"


async def _answer(send: Send, status: int, body: bytes, content_type: str = protocol.CONTENT_TYPE) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(scope: Message, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")
