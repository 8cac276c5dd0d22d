"""``python -m qa.argo_scale paper`` estimates the largest study; ``controller`` measures Argo's controller.

Both write their part of docs/scale.md. The second one needs a cluster for itself: it changes the controller's settings
and puts them back.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from qa import machine
from qa.argo_scale import cluster, paper, section

_TITLES = {"paper": "The largest study, on paper", "controller": "Argo's controller"}


def main(argv: Sequence[str] | None = None) -> int:
    """Estimate or measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m qa.argo_scale", description=__doc__)
    parser.add_argument("what", choices=_TITLES)
    parser.add_argument(
        "--image", default="stock-backtest:e2e", help="an image of the cluster that has `true`"
    )
    parser.add_argument("--pods", default="1,50,200", help="how many pods the workflows have")
    parser.add_argument("--most", type=int, default=500, help="and one more, of the settings that are chosen")
    parser.add_argument("--parallelism", type=int, default=60, help="how many at once (a node holds 110)")
    arguments = parser.parse_args(argv)
    text = paper.table(paper.measured()) if arguments.what == "paper" else _controller(arguments)
    print(text)
    section.write(_TITLES[arguments.what], text)
    return 0


def _controller(arguments: argparse.Namespace) -> str:
    counts = [int(count) for count in arguments.pods.split(",")]
    seen = []
    with cluster.namespace(arguments.image, arguments.parallelism), cluster.controller_put_back():
        for settings in cluster.SETTINGS:
            cluster.configure(settings)
            more = [arguments.most] if settings is cluster.CHOSEN else []
            for count in [*counts, *more]:
                seen.append(cluster.measure(settings, count))
                print(seen[-1].row, flush=True)
    return cluster.table(seen, machine.facts())


if __name__ == "__main__":
    sys.exit(main())
