"""How long `import connector` takes with bytecode kept: a fresh interpreter each time, less what an empty one takes.

Run: python benchmarks/import_time.py
"""

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 11
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def interpreter_ms(code: str) -> float:
    """The wall time of one interpreter that runs this code, in milliseconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=ENVIRONMENT)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Print the median over the rounds; the two interpreters take turns, so that a busy machine slows both."""
    interpreter_ms("import connector")
    pairs = [(interpreter_ms("pass"), interpreter_ms("import connector")) for _ in range(ROUNDS)]
    empty, full = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import connector: {full - empty:.0f} ms (median of {ROUNDS}; an empty interpreter takes {empty:.0f} ms)")


if __name__ == "__main__":
    main()
