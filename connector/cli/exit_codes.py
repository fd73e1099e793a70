"""The exit codes, which are the same for every command."""

EXIT_FINDINGS = 1
EXIT_ERROR = 2
EXIT_STOPPED = 3
EXIT_NOT_SWITCHED = 4
EXIT_RUNNING = 5

EXIT_CODES = {
    "0": "done",
    "1": "done, with findings: a check of `doctor` fails, or a job has dead letters",
    "2": "a wrong call, or an error: nothing answers, or the cluster, a model or a file can't be used",
    "3": "a reindex job stopped, and can be resumed",
    "4": "the alias was not switched to the new index",
    "5": "another process is running the job",
    "130 and 143": "interrupted by Ctrl-C or SIGTERM",
}


def exit_codes_text() -> str:
    """Return the exit codes as one sentence."""
    return f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in EXIT_CODES.items())}."
