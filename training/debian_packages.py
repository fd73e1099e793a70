"""Downloads Debian packages and their descriptions with apt into a work folder; nothing is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.broad_text import Section

_LEFT_OUT_SECTIONS = re.compile("rust|golang|haskell|debug|oldlibs|kernel|localization|metapackages|tasks")
_LEFT_OUT_NAMES = re.compile(r"-(dev|dbg|dbgsym|data|common|bin|tests?|l10n-\w+|examples)$|^(librust|task)-")


@dataclass(frozen=True)
class Apt:
    """The machine's configured Debian registry, with package lists and downloads kept under `folder`."""

    folder: Path

    def _run(self, *command: str, into: Path | None = None) -> str:
        lists, cache = (self.folder / "lists").resolve(), (self.folder / "cache").resolve()
        for path in (lists / "partial", cache / "archives" / "partial"):
            path.mkdir(parents=True, exist_ok=True)
        options = ("Acquire::Languages=en", f"Dir::State::lists={lists}", f"Dir::Cache={cache}")
        flags = [word for option in (*options, "APT::Sandbox::User=root") for word in ("-o", option)]
        done = subprocess.run([command[0], *flags, *command[1:]], cwd=into, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
        return done.stdout

    def update(self) -> None:
        """Download the package lists with English descriptions, once.

        Raises:
            OSError: apt failed.
        """
        if not any((self.folder / "lists").glob("*Translation-en*")):
            self._run("apt-get", "update")

    def records(self) -> str:
        """Return every package's record, separated by blank lines.

        Raises:
            OSError: apt failed.
        """
        self.update()
        return self._run("apt-cache", "search", "--full", "--names-only", ".")

    def unpacked(self, package: str) -> Path:
        """Return the folder with a package's files, downloaded and unpacked once.

        Raises:
            OSError: apt failed.
        """
        target = self.folder / "unpacked" / package
        if not target.is_dir():
            self.update()
            debs = self.folder / "debs"
            debs.mkdir(parents=True, exist_ok=True)
            if not any(debs.glob(f"{package}_*.deb")):
                self._run("apt-get", "download", package, into=debs)
            partial = target.with_name(f"{package}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            subprocess.run(["dpkg", "-x", str(next(debs.glob(f"{package}_*.deb"))), str(partial)], check=True)
            partial.replace(target)
        return target


def description_sections(records: str) -> Iterator[Section]:
    """Yield short description -> long description of each source package, from its main binary package.

    Development files, data and translations are left out, and so are Debian's sections of one language's libraries.
    """
    best: dict[str, tuple[tuple[bool, int, str], Section]] = {}
    for record in records.split("\n\n"):
        fields: dict[str, str] = dict(re.findall(r"^([A-Z][\w-]*): (.*(?:\n[ \t].*)*)", record, flags=re.MULTILINE))
        name, (title, *lines) = fields.get("Package", ""), fields.get("Description-en", "").split("\n")
        section = fields.get("Section", "").rpartition("/")[2]
        if _LEFT_OUT_SECTIONS.fullmatch(section) or _LEFT_OUT_NAMES.search(name) or not lines:
            continue
        source = fields.get("Source", name).split(" ")[0]
        rank = (name != source, len(name), name)
        if source not in best or rank < best[source][0]:
            title = re.sub(r"\s*\([^()]*\)$", "", title)
            best[source] = (rank, Section(title, "", tuple(_description_paragraphs(lines))))
    yield from (section for _, section in best.values())


def _description_paragraphs(lines: list[str]) -> Iterator[str]:
    paragraph: list[str] = []
    for line in [*lines, " ."]:
        if line == " .":
            if paragraph:
                yield " ".join(paragraph)
            paragraph = []
        elif not re.search(r"https?://|^\s+(Homepage|Author):", line):
            paragraph.append(re.sub(r"^\s+[*+o-]\s+", "", line).strip())
