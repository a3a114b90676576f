"""Logins tried one after another: each wrong password makes the next try of this name wait longer."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import HTTPException

FREE_TRIES = 5
LONGEST_PAUSE = 30.0
FORGOTTEN_AFTER = 3600.0
MAX_WAITING = 4
MAX_NAMES = 4096


@dataclass
class _Tries:
    """Of one name: wrong passwords in a row, when the last was, who waits."""

    wrong: int = 0
    last: float = 0.0
    waiting: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Throttle:
    """Slows a check of (name, password) down: five wrong ones are free, then 1, 2, 4 … 30 seconds each.

    Tries of one name wait for each other, so that many at once gain nothing; the fifth who waits is refused
    with status 429. The check runs in a thread: a password hash takes some 50 ms. An hour without a wrong
    password, or a right one, begins anew.
    """

    def __init__(
        self,
        check: Callable[[str, str], bool],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._check, self._sleep, self._clock = check, sleep, clock
        self._names: OrderedDict[str, _Tries] = OrderedDict()
        self._hashing = asyncio.Semaphore(2)

    async def __call__(self, name: str, password: str) -> bool:
        """Whether the password is right, after the pause that the name has earned."""
        tries = self._of(name)
        if tries.waiting >= MAX_WAITING:
            raise HTTPException(429, "Too many logins at once under this name; try again in a minute.")
        tries.waiting += 1
        try:
            async with tries.turn:
                return await self._try(tries, name, password)
        finally:
            tries.waiting -= 1

    async def _try(self, tries: _Tries, name: str, password: str) -> bool:
        if self._clock() - tries.last > FORGOTTEN_AFTER:
            tries.wrong = 0
        if tries.wrong >= FREE_TRIES:
            await self._sleep(min(LONGEST_PAUSE, 2.0 ** (tries.wrong - FREE_TRIES)))
        async with self._hashing:
            right = await asyncio.to_thread(self._check, name, password)
        tries.wrong, tries.last = (0 if right else tries.wrong + 1), self._clock()
        return right

    def _of(self, name: str) -> _Tries:
        tries = self._names.setdefault(name, _Tries())
        self._names.move_to_end(name)
        if len(self._names) > MAX_NAMES:
            oldest = next(iter(self._names))
            if not self._names[oldest].waiting:
                del self._names[oldest]
        return tries


def slowed(check: Callable[[str, str], bool]) -> Callable[[str, str], Awaitable[bool]]:
    """The check as Gradio asks it at a login: a coroutine function, which it recognises by its kind."""
    throttle = Throttle(check)

    async def answer(name: str, password: str) -> bool:
        return await throttle(name, password)

    return answer
