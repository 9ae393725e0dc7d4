"""A server-sent-event response that notices when its reader goes away.

Covered: sending, and closing the source of events at once when the client disconnects, whatever
the server's ASGI version. Not covered: what the events are (`bot.channels.http`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class EventStream(StreamingResponse):
    """Sends events as they come and closes their source in every case."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        # nginx would hold events back until its buffer is full.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers)
        self._events = events

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end or until the client is gone."""
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                await self.listen_for_disconnect(receive)
                tasks.cancel_scope.cancel()

            tasks.start_soon(watch)
            try:
                await self.stream_response(send)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._events.aclose()
            tasks.cancel_scope.cancel()
