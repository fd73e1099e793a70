"""Checks that a forked child makes."""

from __future__ import annotations

import faulthandler
import os
import traceback
from collections.abc import Callable

import pytest

_PATIENCE_S = 120
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")


def holds_in_forked_child(check: Callable[[], object]) -> bool:
    """Tell whether a check is true in a forked child; one that raises, or waits for ever, says where and is false."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            faulthandler.dump_traceback_later(_PATIENCE_S, exit=True)
            status = 0 if check() else 1
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
