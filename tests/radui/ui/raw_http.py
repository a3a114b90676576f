"""What the tests of raw HTTP share: routes and events of a running page, and what one who wants in sends."""

import json

import httpx

ELSEWHERE = ("/etc/passwd", "../../../../etc/passwd", "https://example.org/x.png")
JUNK = (None, "../../../../etc/passwd", -1, 1e300, ["a", {"b": 1}], {"b": [None]})
CLICKS = (
    None,
    "x",
    [1],
    {},
    {"index": "x", "key": None, "kind": "x", "number": "x", "id": 1},
    {
        "index": -1,
        "key": "../../../../etc/passwd",
        "kind": "../../../../etc/passwd",
        "number": 1e300,
        "id": 1,
    },
    {"index": [0], "key": ["a"], "kind": {"b": 1}, "number": None, "id": {}, "box": "x", "view": 9, "map": 3},
)


def routes(app):
    """(method, path) of all that Gradio serves, those of its routers too."""
    waiting, found = list(app.routes), set()
    while waiting:
        each = waiting.pop()
        if router := getattr(each, "original_router", None):
            waiting += router.routes
        elif getattr(each, "methods", None):
            found |= {(method, each.path) for method in each.methods}
    return sorted(found)


def filled(path):
    """A path with its parameters filled in, by what one who wants in would try."""
    for name, value in (("{path_or_url:path}", "/etc/passwd"), ("{path:path}", "../../../../etc/passwd")):
        path = path.replace(name, value)
    return "".join(part if i % 2 == 0 else "7" for i, part in enumerate(path.replace("}", "{").split("{")))


def answer_of(client, method, path):
    """Status and as much of the body as comes at once; streams that never end are not waited for."""
    with client.http.stream(method, path, json={} if method == "POST" else None) as answer:
        kind = answer.headers.get("content-type", "")
        return answer.status_code, "" if "event-stream" in kind else answer.read().decode("utf-8", "replace")


def events(config):
    """Each dependency with inputs of its number: nothing, texts, structures and files that are not theirs."""
    for each in config["dependencies"]:
        count = len(each["inputs"])
        files = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in ELSEWHERE]
        for value in (*JUNK, *files) if count else ():
            yield each["id"], [value] * count
        yield each["id"], []
        yield each["id"], [None] * (count + 1)


def nearly_right(config):
    """Each dependency with the values that the page starts with, all of them and all but one."""
    values = {each["id"]: each["props"].get("value") for each in config["components"]}
    for each in config["dependencies"]:
        right = [values.get(number) for number in each["inputs"]]
        yield each["id"], right
        for place in range(len(right) if len(right) > 1 else 0):
            for junk in JUNK:
                yield each["id"], [*right[:place], junk, *right[place + 1 :]]


def said(client, session, function, data, click=None):
    """All that the page says to an event, as text, and what it says of an error, None where there is none."""
    try:
        messages = client.call(session, function, data, click)
    except httpx.HTTPStatusError as refused:
        if refused.response.status_code >= 500:
            raise
        return refused.response.text, None
    last = messages[-1]
    failed = last["msg"] != "process_completed" or not last["success"]
    return json.dumps(messages), (last.get("output") or last) if failed else None
