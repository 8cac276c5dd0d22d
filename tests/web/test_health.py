"""Alive, ready, counted."""

from config.settings import Settings
from store.session import Database
from web.application import create_app


def test_health_needs_no_database():
    client = create_app(Settings(database_url="mysql+pymysql://nobody:x@127.0.0.1:9/none")).test_client()

    assert client.get("/health").json == {"status": "ok"}


def test_ready_is_503_without_a_database_and_never_shows_its_address():
    client = create_app(
        Settings(database_url="mysql+pymysql://nobody:marked-secret@127.0.0.1:9/none")
    ).test_client()

    answer, page = client.get("/ready"), client.get("/", headers={"Accept": "text/html"})

    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert page.status_code == 503
    assert "marked-secret" not in answer.text + page.text


def test_ready_is_503_until_the_schema_is_at_head_and_says_what_to_do(sqlite_url):
    database = Database.open(sqlite_url)
    client = create_app(Settings(database_url=sqlite_url), database=database).test_client()

    behind = client.get("/ready")

    assert behind.status_code == 503
    assert "python -m store upgrade" in behind.json["detail"]
    database.close()


def test_runs_are_counted_by_status(client, finished, submit):
    finished()
    submit(size=50)

    text = client.get("/metrics").text

    assert 'stock_backtest_runs{status="SUCCEEDED"} 1.0' in text
    assert 'stock_backtest_runs{status="PENDING"} 1.0' in text


def test_assets_are_versioned_by_content_and_kept_for_ever(client):
    versioned = client.get("/").text.split('src="')[1].split('"')[0]

    answer = client.get(versioned, headers={"Accept-Encoding": "gzip"})

    assert "immutable" in answer.headers["Cache-Control"]
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/lightweight-charts.js").text.startswith("/*!")
