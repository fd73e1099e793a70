"""A node that keeps running: `python -m tests.nodes start [VERSION]` prints its URL, `... stop [VERSION]` stops it.

Tests use it through the environment: `export ELASTICSEARCH_URL=$(python -m tests.nodes start)`, or
`export OPENSEARCH_URL=$(python -m tests.nodes start 2.19.1)`: version 2.19.1 is an OpenSearch.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from tests.nodes.assemble import cache_directory
from tests.nodes.launch import VERSIONS, WAYS, start, stop
from tests.nodes.protocol import NodeUnavailableError, RunningNode, version_at


def main() -> int:
    """Run the command; return 1 if no node could be started or none is running."""
    parser = argparse.ArgumentParser(prog="python -m tests.nodes", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", choices=["start", "stop"])
    parser.add_argument("version", nargs="?", default=VERSIONS[9])
    arguments = parser.parse_args()
    kept = cache_directory() / "kept" / f"{arguments.version}.json"
    return _start(arguments.version, kept) if arguments.command == "start" else _stop(arguments.version, kept)


def _start(version: str, kept: Path) -> int:
    node = _read(kept)
    if node is None or version_at(node.url) is None:
        try:
            node = start(version, "kept", ways=tuple(way for way in WAYS if way.name != "environment"))
        except NodeUnavailableError as reason:
            sys.stderr.write(f"{reason}\n")
            return 1
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(dataclasses.asdict(node)))
    sys.stdout.write(f"{node.url}\n")
    return 0


def _stop(version: str, kept: Path) -> int:
    node = _read(kept)
    if node is None:
        sys.stderr.write(f"no kept node of version {version}\n")
        return 1
    stop(node)
    kept.unlink()
    return 0


def _read(kept: Path) -> RunningNode | None:
    return RunningNode(**json.loads(kept.read_text())) if kept.exists() else None


if __name__ == "__main__":
    sys.exit(main())
