"""How long `import connector` takes with bytecode kept: a fresh interpreter each time, less what an empty one takes.

python -m benchmarks.import_time            prints a table
python -m benchmarks.import_time --write    and puts it into benchmarks/RESULTS.md
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from benchmarks.results import machine, write_section

ROUNDS = 11
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def interpreter_ms(code: str) -> float:
    """The wall time of one interpreter that runs this code, in milliseconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Measure, print, and write when asked to; the two interpreters take turns, so that a busy machine slows both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/RESULTS.md")
    options = parser.parse_args()
    interpreter_ms("import connector")
    pairs = [(interpreter_ms("pass"), interpreter_ms("import connector")) for _ in range(ROUNDS)]
    empty, full = zip(*pairs, strict=True)
    ours = [b - a for a, b in pairs]
    table = f"""`python -m benchmarks.import_time --write` on {machine()}; {ROUNDS} interleaved rounds, bytecode kept.

| what | median ms | slowest ms |
| --- | --- | --- |
| an empty interpreter | {statistics.median(empty):.0f} | {max(empty):.0f} |
| one that imports connector | {statistics.median(full):.0f} | {max(full):.0f} |
| `import connector` (pair by pair) | {statistics.median(ours):.0f} | {max(ours):.0f} |
"""
    print(table)
    if options.write:
        write_section("Import", table)


if __name__ == "__main__":
    main()
