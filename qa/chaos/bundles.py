"""What the engine step hands to the persist step is cut, altered, exchanged or gone."""

from __future__ import annotations

from qa.environment import House

MANNERS = {
    "manifest missing": "left no complete result",
    "manifest cut": "is not readable",
    "manifest empty": "does not list its files",
    "manifest of another format": "has format",
    "manifest of another run": "belongs to run",
    "manifest lists no files": "has no summary.json",
    "file missing": "is missing",
    "file cut": "is cut",
    "file altered": "was altered",
    "file not a table": "not readable",
    "summary not JSON": "is not readable",
    "summary without its figures": "has no metrics, result_hash",
    "folder missing": "left no complete result",
}
"""Every way to spoil a bundle, and what the run's message has to say of it."""


def walk(house: House, rounds: int) -> None:
    """Spoil the bundle of a run in every way, as often; a run that was spoilt fails and says how."""
    for _ in range(rounds):
        for manner, said in MANNERS.items():
            if house.tally.is_over:
                return
            kind = f"bundle: {manner}"
            run_id = house.submit(rule_type="SPOILING", params={"manner": manner})
            house.tally.inject(kind)
            house.reckon(kind, allowed={"bad_result": said})
            if house.row(run_id).get("error_code") != "bad_result":
                house.tally.breaks(kind, "silent", f"{run_id} {dict(house.row(run_id))}")
        house.next_works("bundle")
        house.tally.say("bundles")
    house.check("bundles")
