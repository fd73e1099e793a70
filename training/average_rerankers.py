"""Averages two rerankers: `python -m training.average_rerankers FIRST SECOND OUT --share 0.6`.

A fine-tuned model averaged with the model it started from keeps most of what it learned, and forgets less of what it
knew.
`--work DIR` prints the results of several shares on the dev splits of the bundled reranker's material.

Source: Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.loop import measure_dev
from training.material import read_dev
from training.networks import Network, start_network

SHARES = (0.0, 0.25, 0.5, 0.6, 0.75, 1.0)
_DEV_LISTS, _DEV_GENERATED = 40, 120


def average(first: str, second: str, share: float) -> Network:
    """Return the first with `share` of every weight taken from the second.

    Args:
        first: a reranker's name or path.
        second: the name or path of a reranker of the same architecture.
        share: between 0 and 1.

    Raises:
        ModelNotFoundError: one was not found.
        ValueError: their weights don't fit together.
    """
    network, other = start_network(first, []), start_network(second, []).state()
    own = network.state()
    if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in other.items()}:
        raise ValueError(f"{first} and {second} differ in their weights: only rerankers of one architecture fit")
    mixed = {name: ((1 - share) * value + share * other[name]).to(value.dtype) for name, value in own.items()}
    network.module.load_state_dict(mixed, strict=False)
    return network


def main() -> None:
    """Average and write, or print the results of several shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="the reranker that the second started from")
    parser.add_argument("second")
    parser.add_argument("out", type=Path, nargs="?", help="the folder to write")
    parser.add_argument("--share", type=float, default=0.6, help="the share of the second")
    parser.add_argument("--work", type=Path, help="folder of vectors: measure shares on the dev splits")
    options = parser.parse_args()
    if options.work:
        dev = read_dev(options.work, lists=_DEV_LISTS, generated=_DEV_GENERATED)
        for share in SHARES:
            loss, right = measure_dev(average(options.first, options.second, share), dev)
            print(f"{share:.2f}: loss {loss:.4f}, right {right}", flush=True)
    if options.out:
        average(options.first, options.second, options.share).save(options.out)


if __name__ == "__main__":
    main()
