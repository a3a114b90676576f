"""Several apps behind a proxy with sticky sessions, as docs/deployment.md describes it."""

import httpx
import pytest
from gradio_client import Client, handle_file

from benchmarks.proxy import COOKIE, proxying
from radui.ui.examples import list_examples


@pytest.fixture(scope="module")
def apps(serve_page, fake_engine):
    """Two apps; what their engines were asked tells which one answered."""
    with serve_page(fake_engine.FakeEngine()) as one, serve_page(fake_engine.FakeEngine()) as two:
        yield one, two


@pytest.fixture
def proxy(apps):
    with proxying([app.url.rstrip("/") for app in apps]) as url:
        yield url


def test_a_visitor_stays_with_the_app_that_answered_first(proxy):
    with httpx.Client(timeout=60) as visitor:
        first = visitor.get(proxy + "/").cookies[COOKIE]
        for _ in range(3):
            assert COOKIE not in visitor.get(proxy + "/config").cookies
        assert visitor.cookies[COOKIE] == first


def test_visitors_are_shared_out(proxy):
    assert {httpx.get(proxy + "/", timeout=60).cookies[COOKIE] for _ in range(2)} == {"0", "1"}


@pytest.mark.parametrize("value", ["7", "x", "-1", ""])
def test_a_cookie_of_no_app_is_replaced(proxy, value):
    answer = httpx.get(proxy + "/", headers={"cookie": f"{COOKIE}={value}"}, timeout=60)
    assert answer.status_code == 200
    assert answer.cookies[COOKIE] in ("0", "1")


def test_scripts_upload_and_are_answered_through_it(proxy):
    picture = str(list_examples()[0].files[0])
    for _ in range(2):
        client = Client(proxy, verbose=False)
        answer = client.predict([handle_file(picture)], None, None, "", api_name="/report")
        assert answer["reports"]
