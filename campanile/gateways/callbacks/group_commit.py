"""Write many callbacks to the disk at once: those that come during a write share the next one."""

import asyncio
from collections.abc import Callable, Sequence

from campanile.gateways.callbacks.spool import Callback
from campanile.sms.errors import SmsError

MOST_WAITING = 128
"""Callbacks that may wait for the next write. One write of so many takes milliseconds: only a disk that is slower than
the gateways fills the queue, and then the rest is refused and comes again."""


class QueueFullError(Exception):
    """So many callbacks wait for the disk that no more are taken."""


class GroupCommit:
    """The queue in front of one spool file.

    Args:
        write: returns once the disk has all of them.
        most_waiting: more than these are refused; those of the write that is under way are not counted.
    """

    def __init__(self, write: Callable[[Sequence[Callback]], None], most_waiting: int = MOST_WAITING) -> None:
        self._write = write
        self._most_waiting = most_waiting
        self._waiting: list[tuple[Callback, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, callback: Callback) -> None:
        """Return once the callback is on the disk.

        Raises:
            QueueFullError: it was not taken.
            OSError, SmsError: it could not be written.
        """
        if len(self._waiting) >= self._most_waiting:
            raise QueueFullError(f"{len(self._waiting)} callbacks wait for the disk")
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((callback, kept))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await kept

    async def _write_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            failure = await asyncio.to_thread(self._try_to_write, [callback for callback, _ in group])
            for kept in (kept for _, kept in group if not kept.done()):
                if failure is None:
                    kept.set_result(None)
                else:
                    kept.set_exception(failure)

    def _try_to_write(self, callbacks: Sequence[Callback]) -> Exception | None:
        try:
            self._write(callbacks)
        except (OSError, SmsError) as error:
            return error
        return None
