"""Windows of passages to measure backends on if the user has no judged ones.

They are made from the questions that ship with the package and from the documentation inside this Python.
"""

from __future__ import annotations

import inspect
import json
import pkgutil
import re
from collections.abc import Mapping

from connector.models.backends.agreement import Window
from connector.resources import resource

_QUESTIONS, _WINDOW, _LONGEST_CHARACTERS = 24, 16, 1_200
_TRUSTED = re.compile(r"[A-Za-z_][\w.]*")


def shipped_windows(questions: int = _QUESTIONS) -> list[Window]:
    """Return windows of the shipped questions: a question's answers, and the passages that share most words with it."""
    grades: dict[str, dict[str, int]] = {}
    for line in resource("examples/stdlib/qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query_id, name, grade = line.split("\t")
        grades.setdefault(query_id, {})[name] = int(grade)
    texts = {name: text for each in grades.values() for name in each if (text := _documentation(name))}
    words = {name: _words(text) for name, text in texts.items()}
    windows: list[Window] = []
    for line in resource("examples/stdlib/questions.jsonl").read_text(encoding="utf-8").splitlines():
        question = json.loads(line)
        judged = {name: grade for name, grade in grades.get(question["_id"], {}).items() if name in texts}
        if any(grade > 0 for grade in judged.values()) and len(windows) < questions:
            windows.append(_window(question["text"], judged, texts, words))
    return windows


def _window(
    query: str, judged: Mapping[str, int], texts: Mapping[str, str], words: Mapping[str, frozenset[str]]
) -> Window:
    query_words = _words(query)
    near = sorted(
        (name for name in texts if name not in judged), key=lambda name: (-len(query_words & words[name]), name)
    )
    names = [*judged, *near[: max(_WINDOW - len(judged), 0)]]
    return Window(query, [texts[name] for name in names], [judged.get(name, 0) for name in names])


def _documentation(name: str) -> str:
    """Return the docstring of an object in Python's library, "" if it has none or there is no such object."""
    if not _TRUSTED.fullmatch(name):
        return ""
    try:
        text = inspect.getdoc(pkgutil.resolve_name(name)) or ""
    except (ImportError, AttributeError, ValueError):
        return ""
    return f"{name}\n{text[:_LONGEST_CHARACTERS]}" if text else ""


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w{3,}", text.lower()))
