"""The counts of a walk: kept, added to, and shown with every promise that did not hold."""

from qa.report import PROMISES, Tally, lines


def walked(*, injected, broken=()):
    tally = Tally("MySQL")
    tally.inject("cut", injected)
    tally.ended["SUCCEEDED"] = 2 * injected
    for promise in broken:
        tally.breaks("cut", promise, "run 1")
    return tally


def test_counts_that_are_kept_are_read_as_they_were_and_add_up(tmp_path):
    walked(injected=3, broken=["lost"]).write(tmp_path / "earlier")
    later = walked(injected=4)

    later.add(Tally.read(tmp_path / "earlier"))

    assert (later.injected["cut"], later.ended["SUCCEEDED"]) == (7, 14)
    assert later.broken == [("cut", "lost", "run 1")]


def test_the_table_has_a_row_a_kind_and_counts_each_promise_that_did_not_hold():
    table = lines([walked(injected=1_200, broken=["stuck", "stuck", "silent"])])

    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert cells[0] == ["fault", "record", "injected", *PROMISES]
    assert cells[2] == ["cut", "MySQL", "1,200", "0", "2", "0", "1", "0", "0", "0", "0"]
    assert cells[3][2:5] == ["**1,200**", "**0**", "**2**"]


def test_no_fault_is_begun_when_the_time_is_over():
    assert not Tally("MySQL").is_over
    assert Tally("MySQL", minutes=0).is_over
