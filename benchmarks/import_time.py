"""How long `import connector` takes with cached bytecode: a fresh interpreter each time, minus an empty one's time.

python -m benchmarks.import_time            prints a table
python -m benchmarks.import_time --write    also writes it to benchmarks/RESULTS.md
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from benchmarks.results import machine, write_section

ROUNDS = 11
CODES = ("pass", "import connector", "import elasticsearch", "from connector import HybridElasticsearch")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def interpreter_ms(code: str) -> float:
    """Return the wall time in milliseconds of one interpreter that runs this code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Measure and print; write if requested. Interpreters take turns, so a busy machine slows all equally."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table to benchmarks/RESULTS.md")
    options = parser.parse_args()
    times: dict[str, list[float]] = {code: [] for code in CODES}
    for _ in range(ROUNDS + 1):
        for code, taken in times.items():
            taken.append(interpreter_ms(code))
    empty = times["pass"][1:]
    rows = []
    for code, taken in times.items():
        own = [here - nothing for here, nothing in zip(taken[1:], empty, strict=True)]
        rows.append(
            f"| `{code}` | {statistics.median(taken[1:]):.0f} | {statistics.median(own):.0f} | {max(own):.0f} |"
        )
    table = f"""`python -m benchmarks.import_time --write` on {machine()}; {ROUNDS} interleaved rounds, bytecode cached.

| code in a fresh interpreter | median ms | more than an empty one | slowest of these |
| --- | --- | --- | --- |
{chr(10).join(rows)}
"""
    print(table)
    if options.write:
        write_section("Import", table)


if __name__ == "__main__":
    main()
