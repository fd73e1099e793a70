"""The Dockerfile agrees with the rest of the tree: what it copies, which versions it takes, who runs the command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


def instructions(name: str) -> list[str]:
    """The arguments of every instruction of this name."""
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)


COPIED = [path for line in instructions("COPY") if "--from" not in line for path in line.split()[:-1]]


@pytest.mark.parametrize("path", COPIED)
def test_what_is_copied_exists_and_is_sent_to_the_builder(path: str) -> None:
    assert (ROOT / path).exists()
    assert f"!{path}" in (ROOT / ".dockerignore").read_text("utf-8").splitlines()


def test_what_the_wheel_is_built_from_is_copied() -> None:
    included = re.findall(r'^"?([\w/]+)"? = "connector/[\w/]+"$', PYPROJECT, re.MULTILINE)
    assert included
    assert {"connector", *(path.split("/")[0] for path in included)} <= set(COPIED)


def test_both_stages_have_the_same_python_which_the_package_supports() -> None:
    (python,) = {line.split()[0] for line in instructions("FROM")}
    minor = python.removeprefix("python:").removesuffix("-slim")
    assert f'"Programming Language :: Python :: {minor}"' in PYPROJECT


def test_uv_is_the_version_that_the_makefile_installs() -> None:
    (version,) = re.findall(r"^UV_VERSION := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert f"uv=={version}" in DOCKERFILE


def test_the_dependencies_are_those_of_the_lock_file_with_extras_that_exist() -> None:
    (install,) = (line for line in instructions("RUN") if "uv pip install" in line)
    assert "--constraint requirements.lock" in install
    (extras,) = re.findall(r'"\.\[(.+)\]"', install)
    (section,) = re.findall(r"^\[project.optional-dependencies\]\n(.+?)\n\n", PYPROJECT, re.MULTILINE | re.DOTALL)
    assert set(extras.split(",")) <= set(re.findall(r"^([\w-]+) = \[", section, re.MULTILINE))


def test_only_what_the_default_models_do_without_is_left_out() -> None:
    (excluded,) = re.findall(r"printf '%s\\n' (.+?) > excluded\.txt", DOCKERFILE)
    assert excluded.split() == ["torch", "transformers", "sentence-transformers"]


def test_the_command_runs_as_a_user_who_is_not_root_and_never_asks_a_model_hub() -> None:
    assert [user for user in instructions("USER") if user in ("root", "0")] == []
    assert DOCKERFILE.rindex("USER 10001") > DOCKERFILE.rindex("FROM ")
    assert instructions("ENTRYPOINT") == ['["connector"]']
    assert 'connector = "connector.cli:main"' in PYPROJECT
    assert "HF_HUB_OFFLINE=1" in " ".join(instructions("ENV"))
