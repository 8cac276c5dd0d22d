"""What a mistake of ours shows to those outside: that there was one, and nothing of the inside."""

import pytest

from store.queries import runs
from web.serving import application

SECRET_OF_THE_INSIDE = "the-name-of-a-table-9d1c"


@pytest.mark.parametrize("variable", ["FLASK_DEBUG", "PYTHONDEVMODE", "WERKZEUG_DEBUG_PIN"])
@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_debugging_cannot_be_switched_on_from_outside_and_a_crash_tells_nothing(
    sqlite_url, monkeypatch, variable, kind
):
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("FLASK_ENV", "production")
    monkeypatch.setenv(variable, "1")

    def crashes(*_arguments, **_more):
        raise ZeroDivisionError(SECRET_OF_THE_INSIDE)

    monkeypatch.setattr(runs, "get", crashes)
    app = application()
    answers = [
        app.test_client().get(path, headers={"Accept": kind})
        for path in ("/status/some", "/status/some?__debugger__=yes&cmd=resource&f=style.css", "/console")
    ]

    assert app.debug is False
    assert [answer.status_code for answer in answers] == [500, 500, 404]
    for answer in answers:
        for inside in ("Traceback", "ZeroDivisionError", SECRET_OF_THE_INSIDE, "debugger", ".py"):
            assert inside not in answer.text
