"""The pictures of a run."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from PIL import Image

from web.presentation import charts
from web.results.stored_curves import Curves

NAMES = ("equity", "drawdown", "trades", "exposure")
TIMES = np.arange("2020-01-01", "2024-01-01", dtype="datetime64[D]").astype("datetime64[s]")


@pytest.fixture
def curves():
    """Four years in which everything is flat."""
    names = ("equity", "benchmark", "drawdown", "exposure")
    return Curves(TIMES, {name: np.zeros(len(TIMES)) for name in names})


def opened(picture):
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def test_each_picture_is_a_png_of_the_same_size(curves):
    drawn = charts.of_run("a run", "flat", curves, np.array([1.0, -2.0]))

    assert tuple(drawn) == NAMES
    assert {(opened(picture).format, opened(picture).size) for picture in drawn.values()} == {
        ("PNG", (900, 340))
    }


def test_a_run_without_trades_has_every_picture(curves):
    drawn = charts.of_run("a run", "none", curves, np.zeros(0))

    assert all(opened(drawn[name]).size == (900, 340) for name in NAMES)


def test_a_gain_is_drawn_green_and_a_loss_red(curves):
    won = opened(charts.of_run("a run", "won", curves, np.array([5.0]))["trades"]).convert("RGB")
    lost = opened(charts.of_run("a run", "lost", curves, np.array([-5.0]))["trades"]).convert("RGB")

    def has(picture, colour):
        return colour in {found for _, found in picture.getcolors(1 << 20)}

    assert has(won, (0x18, 0x79, 0x4E))
    assert not has(won, (0xB4, 0x23, 0x2F))
    assert has(lost, (0xB4, 0x23, 0x2F))


def test_a_result_is_drawn_once_for_all_who_ask(curves):
    first = charts.of_run("a run", "kept", curves, np.zeros(0))

    assert charts.of_run("a run", "kept", curves, np.ones(3)) is first


def test_charts_that_are_drawn_do_not_wait_for_those_of_another_run(curves, monkeypatch):
    drawn, draw_all = charts.of_run("a run", "drawn", curves, np.zeros(0)), charts._draw_all
    drawing, released = Event(), Event()

    def slow(*given):
        drawing.set()
        assert released.wait(60)
        return draw_all(*given)

    monkeypatch.setattr(charts, "_draw_all", slow)
    with ThreadPoolExecutor(2) as threads:
        other = threads.submit(charts.of_run, "a run", "other", curves, np.zeros(0))
        assert drawing.wait(60)
        same = threads.submit(charts.of_run, "a run", "drawn", curves, np.zeros(0)).result(60)
        released.set()

        assert same is drawn
        assert tuple(other.result(60)) == NAMES


def test_pages_without_scripts_get_each_picture_by_its_name(client, finished):
    run_id = finished(start_date="2018-01-02")

    answers = {name: client.get(f"/api/runs/{run_id}/charts/{name}.png") for name in NAMES}
    unknown = client.get(f"/api/runs/{run_id}/charts/volume.png")

    assert {answer.mimetype for answer in answers.values()} == {"image/png"}
    assert (unknown.status_code, "equity, drawdown, trades, exposure" in unknown.json["detail"]) == (
        404,
        True,
    )


def test_two_runs_that_state_the_same_hash_never_share_a_picture():
    times = np.datetime64("2024-01-01", "s") + np.arange(3) * np.timedelta64(86_400, "s")
    rising, falling = (
        Curves(times, dict.fromkeys(("equity", "benchmark", "drawdown", "exposure"), np.array(values)))
        for values in ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
    )

    one = charts.of_run("one", "same", rising, np.empty(0))
    other = charts.of_run("other", "same", falling, np.empty(0))

    assert one["equity"] != other["equity"]
