"""What the commands print of files and of the database moves no cursor."""

from dataclasses import replace

from backtest.__main__ import main
from backtest.console.printable import printable
from backtest.prices.library import Library
from tests.backtest.prices.test_library import prices


def test_controls_become_escapes_and_lines_and_scripts_stay():
    assert printable("a\x1b[2Jb\x9bc\u202ed\n가é") == "a\\x1b[2Jb\\x9bc\\u202ed\n가é"


def test_the_list_of_symbols_shows_the_source_of_a_file_without_its_controls(tmp_path, capsys):
    library = Library(tmp_path)
    library.add(replace(prices("ACME", [1, 2]), source="x\x1b]0;owned\x07.csv"))

    assert main(["--library", str(tmp_path), "symbols"]) == 0

    assert "x\\x1b]0;owned\\x07.csv" in capsys.readouterr().out


def test_a_mistake_is_told_without_the_controls_that_are_in_it(tmp_path, capsys):
    wrong = "run --symbol SP500 --rule \x1b[31mRSI --start 2010-01-01 --end 2011-01-01"

    assert main(["--library", str(tmp_path), *wrong.split()]) == 2

    told = capsys.readouterr().err
    assert "RSI" in told
    assert "\x1b" not in told
