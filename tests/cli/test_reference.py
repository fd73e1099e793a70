"""docs/cli.md says what the commands' help says."""

from __future__ import annotations

from tests.cli.reference import PAGE, commands, page


def test_page_is_what_the_help_says_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs-cli`"


def test_page_has_every_command_and_every_option() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for path, command in commands():
        assert f"# `{path}`\n" in text
        named = [name for each in command.params for name in each.opts if name.startswith("--") and name != "--help"]
        assert [name for name in named if f"`{name}" not in text] == []
