"""A password that is tried again and again: the pauses, and who is refused."""

import asyncio

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import HTTPException

from radui.ui.throttle import FORGOTTEN_AFTER, FREE_TRIES, LONGEST_PAUSE, MAX_WAITING, Throttle, slowed


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self):
        self.now, self.slept = 1e6, []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def time(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(clock):
    return Throttle(lambda name, password: password == f"{name}'s", clock.sleep, clock.time)


def tries(throttle, *passwords, name="ann"):
    async def one_after_another():
        return [await throttle(name, password) for password in passwords]

    with start_blocking_portal() as portal:  # Playwright leaves a loop running in the main thread
        return portal.call(one_after_another)


def test_wrong_passwords_are_paid_with_growing_pauses(throttle, clock):
    assert not any(tries(throttle, *["wrong"] * 13))
    assert clock.slept == [1, 2, 4, 8, 16, 30, 30, 30]
    assert max(clock.slept) == LONGEST_PAUSE


def test_a_right_password_still_comes_in_and_begins_anew(throttle, clock):
    assert tries(throttle, *["wrong"] * 6, "ann's", "wrong") == [False] * 6 + [True, False]
    assert clock.slept == [1, 2]


def test_others_wait_for_nobody(throttle, clock):
    tries(throttle, *["wrong"] * 20)
    paid = len(clock.slept)
    assert tries(throttle, "ben's", name="ben") == [True]
    assert len(clock.slept) == paid


def test_an_hour_without_a_try_is_forgiven(throttle, clock):
    tries(throttle, *["wrong"] * FREE_TRIES)
    clock.now += FORGOTTEN_AFTER + 1
    tries(throttle, "wrong")
    assert clock.slept == []


def test_many_at_once_gain_nothing(clock):
    """A hundred together: four are checked, the others refused."""
    throttle = Throttle(lambda name, password: False, clock.sleep, clock.time)

    async def at_once():
        return await asyncio.gather(*[throttle("ann", str(i)) for i in range(100)], return_exceptions=True)

    with start_blocking_portal() as portal:
        answers = portal.call(at_once)
    assert answers.count(False) == MAX_WAITING
    refused = [each for each in answers if isinstance(each, HTTPException)]
    assert len(refused) == 100 - MAX_WAITING
    assert {each.status_code for each in refused} == {429}


def test_gradio_knows_it_for_a_coroutine_function():
    assert asyncio.iscoroutinefunction(slowed(lambda name, password: True))
