"""Break the running product, load it and fuzz it, and write what became of it into docs/reliability.md."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from math import inf
from pathlib import Path

from qa import reliability
from qa.chaos import clock
from qa.chaos import suite as chaos
from qa.chaos.report import INVARIANTS, Report, table
from qa.fuzz import suite as fuzz
from qa.harness.environment import DATABASE_KINDS
from qa.load import rolling, soak, steady


def main(argv: Sequence[str] | None = None) -> int:
    """Execute the command; 0 when everything held, 1 when something did not."""
    parser = argparse.ArgumentParser(prog="python -m qa", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_chaos(commands.add_parser("chaos", help="inject every kind of fault, on SQLite and on MySQL"))
    load = commands.add_parser("load", help="many clients poll and submit at once, on MySQL")
    load.add_argument("--seconds", type=float, default=600.0, help="at most an hour (default 600)")
    load.set_defaults(command=_load)
    soaking = commands.add_parser("soak", help="very many runs through one worker")
    soaking.add_argument("--runs", type=int, default=10_000, help="so many (default 10,000)")
    soaking.add_argument("--minutes", type=float, default=inf, help="start no block after so many")
    soaking.add_argument("--database", choices=DATABASE_KINDS, default="SQLite")
    soaking.set_defaults(command=_soak)
    roll = commands.add_parser("roll", help="replace two web replicas under load, on MySQL")
    roll.add_argument("--rounds", type=int, default=10, help="how often each is replaced (default 10)")
    roll.add_argument(
        "--minutes", type=float, default=5.0, help="begin no restart that would end after (default 5)"
    )
    roll.set_defaults(command=_roll)
    fuzzing = commands.add_parser("fuzz", help="send bad input to every endpoint")
    fuzzing.add_argument("--inputs", type=int, default=125_000, help="about so many (default 125,000)")
    fuzzing.add_argument("--seed", type=int, default=1)
    fuzzing.set_defaults(command=_fuzz)
    for command in (load, soaking, roll, fuzzing):
        command.add_argument("--dry-run", action="store_true", help="print the section, leave the page alone")
    arguments = parser.parse_args(argv)
    code: int = arguments.command(arguments)
    return code


def _add_chaos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=4, help="how often each fault is injected (default 4)")
    parser.add_argument("--databases", nargs="+", choices=DATABASE_KINDS, default=DATABASE_KINDS)
    parser.add_argument("--scenarios", nargs="+", choices=tuple(chaos.SCENARIOS), default=chaos.USUAL)
    parser.add_argument("--seed", type=int, default=1, help="of the moments of faults (default 1)")
    parser.add_argument("--minutes", type=float, default=inf, help="inject no fault after so many")
    parser.add_argument(
        "--add", nargs="*", type=Path, default=[], metavar="FILE", help="reports of earlier runs, to add"
    )
    parser.add_argument("--report", type=Path, help="write the counts of one database here, and no page")
    parser.set_defaults(command=_chaos)


def _chaos(arguments: argparse.Namespace) -> int:
    if arguments.report:
        [kind] = arguments.databases
        report = Report(kind, minutes=arguments.minutes)
        scenarios = tuple(arguments.scenarios)
        try:
            chaos.run(report, kind, rounds=arguments.rounds, scenarios=scenarios, seed=arguments.seed)
        finally:  # what was seen counts, whatever ended the scenario
            report.write(arguments.report)
        return 0
    if "clock" in arguments.scenarios:
        clock.library()
    reports = _one_process_a_database(arguments)
    if {*arguments.scenarios} == {*chaos.USUAL} and {*arguments.databases} == {*DATABASE_KINDS}:
        reliability.write("Faults", _section(reports, arguments))
    print("\n".join(table(reports)))
    return 1 if any(report.violations for report in reports) else 0


def _load(arguments: argparse.Namespace) -> int:
    outcome = steady.run(seconds=arguments.seconds)
    return _publish("Load", steady.section(outcome, "make load"), outcome.broken, arguments)


def _soak(arguments: argparse.Namespace) -> int:
    outcome = soak.run(runs=arguments.runs, minutes=arguments.minutes, database=arguments.database)
    return _publish("Soak", soak.section(outcome, "make soak"), outcome.broken, arguments)


def _roll(arguments: argparse.Namespace) -> int:
    outcome = rolling.run(rounds=arguments.rounds, minutes=arguments.minutes)
    return _publish("Rolling restart", rolling.section(outcome, "make roll"), outcome.broken, arguments)


def _fuzz(arguments: argparse.Namespace) -> int:
    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    outcome = fuzz.run(inputs=arguments.inputs, number=arguments.seed, progress=progress)
    return _publish("Bad input", fuzz.section(outcome, "make bad-input"), outcome.violations, arguments)


def _publish(section: str, text: list[str], broken: list[str], arguments: argparse.Namespace) -> int:
    print("\n".join(text))
    if not arguments.dry_run:
        reliability.write(section, text)
    return 1 if broken else 0


def _one_process_a_database(arguments: argparse.Namespace) -> list[Report]:
    """The databases do not wait for each other: most of a fault is waiting."""
    with tempfile.TemporaryDirectory(prefix="reports-") as folder:
        files = {kind: Path(folder) / kind for kind in arguments.databases}
        children = [
            subprocess.Popen(
                [
                    sys.executable, "-m", "qa", "chaos", "--rounds", str(arguments.rounds),
                    "--seed", str(arguments.seed), "--databases", kind, "--scenarios", *arguments.scenarios,
                    "--minutes", str(arguments.minutes), "--report", str(path),
                ]
            )
            for kind, path in files.items()
        ]  # fmt: skip
        codes = [process.wait() for process in children]
        if any(codes):
            raise RuntimeError("a scenario ended by an error of its own, see above: nothing is written")
        return _with_earlier([Report.read(path) for path in files.values()], arguments.add)


def _with_earlier(reports: list[Report], files: list[Path]) -> list[Report]:
    for earlier in map(Report.read, files):
        for report in reports:
            if report.database == earlier.database:
                report.add(earlier)
    return reports


def _section(reports: list[Report], arguments: argparse.Namespace) -> list[str]:
    ended = [f"{report.database}: {_ends(report)} in {report.seconds / 60:.0f} minutes" for report in reports]
    violations = [
        f"* {kind}: **{invariant}**: {text}"
        for report in reports
        for kind, invariant, text in report.violations
    ]
    held = f"No run was lost or stuck, and no other invariant was violated ({', '.join(INVARIANTS)})."
    earlier = "Reports of earlier runs are added. " if arguments.add else ""
    return [
        f"{reliability.measured(f'make faults ROUNDS={arguments.rounds}')} {earlier}"
        "A web tier and two workers run as processes on each database; clients submit runs, and retry after no answer, "
        "429 and 503 as any client may. After each "
        "fault: every run that was promised has ended, with exactly one result where it succeeded and with a "
        "message that names the cause where this fault takes the run along (a killed or crashed step, a corrupt "
        "bundle); the next submission succeeds; `python -m store check` finds the database consistent. An unavailable "
        "database counts where a process or a client noticed: a lock or a silence of two seconds is mostly retried "
        "over.",
        "",
        "How often each fault was injected:",
        "",
        *table(reports),
        "",
        *(violations or [held]),
        "",
        "How the runs ended: " + "; ".join(ended) + ".",
    ]


def _ends(report: Report) -> str:
    return ", ".join(f"{count:,} {end}" for end, count in report.ended.most_common())


if __name__ == "__main__":
    sys.exit(main())
