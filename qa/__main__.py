"""Break the product on purpose, press it hard, and write what became of it into docs/reliability.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from math import inf
from pathlib import Path

from qa import reliability as page
from qa.chaos import suite as breaking
from qa.fuzz import suite as badinput
from qa.load import rolling, soak
from qa.load import steady as load
from qa.report import PROMISES, Tally, lines


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; 0 when every promise held, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="python -m qa", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_break(commands.add_parser("break", help="inject every kind of fault, on SQLite and on MySQL"))
    loading = commands.add_parser("load", help="many watch and submit at once, on MySQL")
    loading.add_argument(
        "--seconds", type=float, default=600.0, help="for so long, at most an hour (default 600)"
    )
    loading.set_defaults(command=_load)
    soaking = commands.add_parser("soak", help="very many runs through one worker")
    soaking.add_argument("--runs", type=int, default=10_000, help="so many (default 10,000)")
    soaking.add_argument("--minutes", type=float, default=inf, help="begin no block after so many")
    soaking.add_argument("--record", choices=breaking.RECORDS, default="SQLite")
    soaking.set_defaults(command=_soak)
    roll = commands.add_parser("roll", help="replace two web replicas under load, on MySQL")
    roll.add_argument("--rounds", type=int, default=10, help="how often each is replaced (default 10)")
    roll.set_defaults(command=_roll)
    feeding = commands.add_parser("feed", help="send bad input to every door")
    feeding.add_argument("--inputs", type=int, default=125_000, help="about so many (default 125,000)")
    feeding.add_argument("--seed", type=int, default=1)
    feeding.set_defaults(command=_feed)
    for pressing in (loading, soaking, roll, feeding):
        pressing.add_argument(
            "--rehearse", action="store_true", help="show the section and leave the page alone"
        )
    arguments = parser.parse_args(argv)
    result: int = arguments.command(arguments)
    return result


def _add_break(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=4, help="how often each fault is injected (default 4)")
    parser.add_argument("--records", nargs="+", choices=breaking.RECORDS, default=breaking.RECORDS)
    parser.add_argument("--walks", nargs="+", choices=tuple(breaking.WALKS), default=tuple(breaking.WALKS))
    parser.add_argument(
        "--seed", type=int, default=1, help="of the moments at which faults happen (default 1)"
    )
    parser.add_argument(
        "--minutes", type=float, default=inf, help="begin no fault after so many, whatever the rounds"
    )
    parser.add_argument(
        "--add",
        nargs="*",
        type=Path,
        default=[],
        metavar="FILE",
        help="tallies of earlier rounds, which count too",
    )
    parser.add_argument("--tally", type=Path, help="keep the counts in this file and write no page")
    parser.set_defaults(command=_break)


def _break(arguments: argparse.Namespace) -> int:
    if arguments.tally:
        [record] = arguments.records
        tally = Tally(record, minutes=arguments.minutes)
        try:
            breaking.run(
                tally, record, rounds=arguments.rounds, walks=tuple(arguments.walks), seed=arguments.seed
            )
        finally:  # what was found counts, whatever ended the walk
            tally.write(arguments.tally)
        return 1 if tally.broken else 0
    tallies = _one_process_a_record(arguments)
    whole = set(arguments.walks) == set(breaking.WALKS) and set(arguments.records) == set(breaking.RECORDS)
    if whole:
        page.write("Faults", _section(tallies, arguments))
    print("\n".join(lines(tallies)))
    return 1 if any(tally.broken for tally in tallies) else 0


def _load(arguments: argparse.Namespace) -> int:
    found = load.run(seconds=arguments.seconds)
    return _show("Load", load.section(found, "make load"), found.broken, arguments)


def _soak(arguments: argparse.Namespace) -> int:
    found = soak.run(runs=arguments.runs, minutes=arguments.minutes, record=arguments.record)
    return _show("Soak", soak.section(found, "make soak"), found.broken, arguments)


def _roll(arguments: argparse.Namespace) -> int:
    found = rolling.run(rounds=arguments.rounds)
    return _show("Rolling restart", rolling.section(found, "make roll"), found.broken, arguments)


def _feed(arguments: argparse.Namespace) -> int:
    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found = badinput.run(inputs=arguments.inputs, number=arguments.seed, say=say)
    return _show("Bad input", badinput.section(found, "make bad-input"), found.broken, arguments)


def _show(section: str, text: list[str], broken: list[str], arguments: argparse.Namespace) -> int:
    print("\n".join(text))
    if not arguments.rehearse:
        page.write(section, text)
    return 1 if broken else 0


def _one_process_a_record(arguments: argparse.Namespace) -> list[Tally]:
    """The records do not wait for each other: most of a fault is waiting."""
    with tempfile.TemporaryDirectory(prefix="tally-") as folder:
        files = {record: Path(folder) / record for record in arguments.records}
        running = [
            subprocess.Popen(
                [
                    sys.executable, "-m", "qa", "break", "--rounds", str(arguments.rounds),
                    "--seed", str(arguments.seed), "--records", record, "--walks", *arguments.walks,
                    "--minutes", str(arguments.minutes), "--tally", str(path),
                ]
            )
            for record, path in files.items()
        ]  # fmt: skip
        for process in running:
            process.wait()
        return _with_earlier([Tally.read(path) for path in files.values()], arguments.add)


def _with_earlier(tallies: list[Tally], files: list[Path]) -> list[Tally]:
    for earlier in map(Tally.read, files):
        for tally in tallies:
            if tally.record == earlier.record:
                tally.add(earlier)
    return tallies


def _section(tallies: list[Tally], arguments: argparse.Namespace) -> list[str]:
    ended = [f"{tally.record}: {_counted(tally)} in {tally.seconds / 60:.0f} minutes" for tally in tallies]
    broken = [f"* {kind}: **{promise}**: {text}" for tally in tallies for kind, promise, text in tally.broken]
    earlier = "Tallies of earlier rounds are counted in. " if arguments.add else ""
    return [
        f"{page.measured(f'make faults ROUNDS={arguments.rounds}')} {earlier}"
        "A web tier and two workers run as processes on each record; clients submit runs, and insist after no answer, "
        "429 and 503 as any client may. After each "
        "fault: every run that was promised has ended, with exactly one result where it succeeded and with a "
        "message that names the cause where this fault takes the run along (a killed or crashed step, a spoilt "
        "bundle); the next submission succeeds; `python -m store check` finds the record whole. A record that is away "
        "counts where a process or a client noticed: a lock or a silence of two seconds is mostly waited out.",
        "",
        f"A column counts what did not hold: {', '.join(PROMISES)}.",
        "",
        *lines(tallies),
        "",
        *(broken or ["Nothing was lost, stuck, doubled or silent."]),
        "",
        "How the runs ended: " + "; ".join(ended) + ".",
    ]


def _counted(tally: Tally) -> str:
    return ", ".join(f"{count:,} {end}" for end, count in tally.ended.most_common())


if __name__ == "__main__":
    sys.exit(main())
