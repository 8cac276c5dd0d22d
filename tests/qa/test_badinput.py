"""The suite of bad input, in small: the application withstands it, and the suite sees what does not."""

import sqlite3

import pytest
from flask import Flask, jsonify

from qa.fuzz import suite as badinput
from qa.fuzz.suite import Found, Tried


@pytest.mark.timeout(600)
def test_bad_input_of_every_kind_is_refused_in_words_and_leaves_no_trace():
    found = badinput.run(inputs=1_000, number=7, say=lambda text: None)

    assert found.broken == []
    assert found.refused.total() > 1_000
    assert all(found.tried[kind] for kind in ("field of the request", "parameter of a workflow", "formula",
               "broken price file", "randomly damaged price file", "request against the OpenAPI"))  # fmt: skip


@pytest.fixture
def tried(tmp_path):
    """A small application in which everything is wrong."""
    app, path = Flask("wrong"), tmp_path / "record.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE kept (what TEXT)")

    def problem(**more):
        return jsonify(status=400, detail="no", **more), 400

    @app.post("/stores")
    def stores():
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO kept VALUES ('something')")
        return problem(errors=[{"field": "size", "message": "is wrong"}])

    app.add_url_rule("/fails", view_func=lambda: ("", 500), methods=["POST"])
    app.add_url_rule("/names-nothing", view_func=problem, methods=["POST"], endpoint="names_nothing")
    app.add_url_rule("/takes", view_func=lambda: ("", 202), methods=["POST"], endpoint="takes")
    return Tried(app.test_client(), path, Found())


@pytest.mark.parametrize(
    ("path", "seen"),
    [("/fails", "500 for"), ("/stores", "something was stored"), ("/names-nothing", "400 names no field")],
)
def test_what_must_not_be_answered_is_seen(tried, path, seen):
    tried.send_json("kind", "POST", path, {})

    assert [text.startswith(f"kind: {seen}") for text in tried.found.broken] == [True]


def test_what_is_taken_is_counted_as_tried_and_not_as_refused(tried):
    tried.send_json("kind", "POST", "/takes", {})

    assert (tried.found.tried["kind"], tried.found.refused["kind"], tried.found.broken) == (1, 0, [])
