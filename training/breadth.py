"""Broad pairs for transfer: a title and its section, a term and its definition, from Debian packages.

`python -m training.breadth --work FOLDER` downloads, caches and prints them.
Only the first call needs a network.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

from connector.atomic_files import replacing
from training.broad_text import Section, make_collection, titled_passages
from training.debian_packages import Apt, description_sections
from training.judged import Collection
from training.section_parsers import dictionary_sections, html_sections, man_sections, wordnet_sections, xml_sections

_MIN_PASSAGES = 50
_OTHER_LANGUAGE = re.compile(r"(^|\.)(?!en)[a-z]{2}([-_@]\w+)?(\.html)?$")
_TERM_TEMPLATES = ("{}", "{}", "what is {}", "what does {} mean", "definition of {}", "meaning of {}")


@dataclass(frozen=True)
class Source:
    """Where passages come from: packages that one parser reads.

    At most `max_passages` are sampled, with the first `max_windows` of a long section; a `cloze_share` of them have a
    sentence taken out as the question.
    """

    name: str
    packages: tuple[str, ...]
    parser: str
    subject: str
    licence: str
    max_passages: int = 20_000
    max_windows: int = 1
    cloze_share: float = 0.3
    templates: tuple[str, ...] = ("{}",)


def _dictionary(name: str, package: str, subject: str, licence: str, most: int, cloze_share: float) -> Source:
    return Source(name, (package,), "dictd", subject, licence, most, 1, cloze_share, _TERM_TEMPLATES)


SOURCES = (
    Source("descriptions", (), "descriptions", "what programs, games, data sets do", "each package's own", 14_000),
    _dictionary("gcide", "dict-gcide", "general English", "GPL-2+", 8_000, 0.1),
    Source("wordnet", ("wordnet-base",), "wordnet", "general English", "WordNet", 4_000, 1, 0.0, _TERM_TEMPLATES),
    _dictionary("foldoc", "dict-foldoc", "computing", "GFDL-1.1+", 5_000, 0.3),
    _dictionary("jargon", "dict-jargon", "hackers' slang", "public domain", 2_000, 0.3),
    _dictionary("devil", "dict-devil", "satire of 1911", "public domain", 1_000, 0.3),
    Source("anarchism", ("anarchism",), "html", "politics, history, economics", "GPL-2+", 3_000, 4, 0.8),
    Source("gnome", ("gnome-user-docs",), "xml", "a desktop's help", "CC-BY-SA-3.0"),
    Source("mail", ("evolution-common",), "xml", "mail and calendars", "CC-BY-SA-3.0"),
    Source("office", ("libreoffice-help-en-us",), "html", "office work, formulas", "MPL-2.0", 3_000),
    Source("accounts", ("gnucash-docs",), "html", "bookkeeping, money", "GFDL-1.1+", 2_000, 3, 0.5),
    Source("ledger", ("ledger",), "html", "bookkeeping in text files", "BSD-3-Clause", 500, 2, 0.5),
    Source("images", ("gimp-help-en",), "html", "image editing, colour", "GFDL-NIV-1.2+", 2_000, 2, 0.4),
    Source("diagrams", ("dia-common",), "html", "drawing diagrams", "GFDL-1.1+"),
    Source("csound", ("csound-doc",), "html", "sound synthesis", "GFDL-1.2+", 2_000, 3, 0.4),
    Source("maps", ("grass-doc", "gpsbabel-doc"), "html", "geography, satellites, GPS", "GPL-2+", 2_000, 2, 0.4),
    Source("astronomy", ("python-astropy-doc",), "html", "astronomy", "BSD-3-Clause", 1_500, 2, 0.4),
    Source("phylogeny", ("phylip-doc",), "html", "evolutionary biology", "BSD-2-Clause", 1_000, 6, 0.6),
    Source("molecules", ("rasmol-doc",), "html", "molecules, proteins", "GPL-2"),
    Source("medicine", ("gnumed-doc",), "html", "a medical practice's records", "GPL-2+", 1_000, 2, 0.4),
    Source("algebra", ("maxima-doc", "gap-doc"), "html", "algebra, number theory", "GPL-2+", 2_000),
    Source("numerics", ("octave-doc",), "html", "numerical mathematics", "GPL-3+", 1_500, 3),
    Source("statistics", ("r-doc-html",), "html", "statistics, R", "GPL-2+", 1_500, 2),
    Source("go", ("gnugo",), "html", "the game of Go", "GFDL-1.3+", 500, 3, 0.4),
    Source("chess", ("xboard",), "html", "chess, played over the net", "GPL-3+", 500, 3, 0.4),
    Source("sqlite", ("sqlite3-doc",), "html", "databases", "public domain", 1_500),
    Source("postgresql", ("postgresql-doc-15",), "html", "databases", "PostgreSQL", 1_500),
    Source("apache", ("apache2-doc",), "html", "web servers", "Apache-2.0", 1_000),
    Source("django", ("python-django-doc",), "html", "web programming", "BSD-3-Clause", 1_500),
    Source("git", ("git-doc",), "html", "version control", "GPL-2", 800, 2),
    Source(
        "debian",
        ("debian-handbook", "debian-faq", "debian-reference-en", "debian-policy", "developers-reference", "harden-doc"),
        "html", "an operating system, security", "GPL-2+", 2_000, 2,
    ),
    Source("manpages", ("manpages",), "man", "system calls, files, protocols", "each page's own, free", 1_500, 2),
)  # fmt: skip


def _texts(apt: Apt, source: Source, *endings: str) -> Iterator[tuple[Path, str]]:
    for package in source.packages:
        folder = apt.unpacked(package)
        for path in sorted(folder.rglob("*")):
            name = path.name.removesuffix(".gz")
            parts = (*path.relative_to(folder).parent.parts, name)
            is_english = not any(_OTHER_LANGUAGE.search(part) for part in parts)
            if name.endswith(endings) and is_english and path.is_file() and not path.is_symlink():
                raw = path.read_bytes()
                text = gzip.decompress(raw) if path.suffix == ".gz" else raw
                yield path, text.decode("utf-8", "replace")


def _sections(apt: Apt, source: Source) -> Iterator[Section]:
    if source.parser == "descriptions":
        yield from description_sections(apt.records())
    elif source.parser == "html":
        for _, text in _texts(apt, source, ".html", ".htm", ".xhtml"):
            yield from html_sections(text)
    elif source.parser == "xml":
        for path, text in _texts(apt, source, ".page", ".docbook"):
            try:
                yield from xml_sections(text)
            except ParseError as error:
                print(f"{path} is left out: {error}")
    elif source.parser == "dictd":
        for path, index in _texts(apt, source, ".index"):
            yield from dictionary_sections(index, path.with_suffix(".dict.dz").read_bytes())
    elif source.parser == "wordnet":
        for _, data in _texts(apt, source, "data.noun", "data.verb", "data.adj", "data.adv"):
            yield from wordnet_sections(data)
    elif source.parser == "man":
        for _, page in _texts(apt, source, *(f".{number}" for number in range(1, 9))):
            yield from man_sections(page)


def _read_source(source: Source, work: Path) -> Collection:
    path = work / "breadth" / f"{source.name}.jsonl.gz"
    if not path.is_file():
        titled = titled_passages(list(_sections(Apt(work / "breadth" / "apt"), source)), max_windows=source.max_windows)
        made = make_collection(
            f"breadth-{source.name}",
            titled,
            max_passages=source.max_passages,
            cloze_share=source.cloze_share,
            templates=source.templates,
        )
        with replacing(path) as partial, gzip.open(partial, "wt", encoding="utf-8") as lines:
            for key, column in asdict(made).items():
                lines.write(json.dumps({key: column}, ensure_ascii=False) + "\n")
    fields: dict[str, object] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            fields.update(json.loads(line))
    read = Collection(**fields)  # type: ignore[arg-type]
    return Collection(**{**fields, "positives": [tuple(places) for places in read.positives]})  # type: ignore[arg-type]


def read_breadth(work: Path) -> list[Collection]:
    """Return one collection per source, from the cache under work/breadth; missing ones are downloaded first.

    Question ids begin with their kind, title- or cloze-.

    Raises:
        OSError: a package is not available.
    """
    folder = work / "breadth"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "LICENCES.md").write_text(licences(), encoding="utf-8")
    read = [_read_source(source, work) for source in SOURCES]
    return [collection for collection in read if len(collection.passages) >= _MIN_PASSAGES]


def licences() -> str:
    """Return the table of sources as Markdown: packages, subject, licence."""
    rows = [
        f"| {source.name} | {', '.join(source.packages) or 'all of main'} | {source.subject} | {source.licence} |"
        for source in SOURCES
    ]
    return "\n".join(["| source | Debian packages | subject | licence |", "| --- | --- | --- | --- |", *rows, ""])


def main() -> None:
    """Print each source's size and licence, with --examples also three random pairs of each."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for downloads and the cache")
    parser.add_argument("--examples", action="store_true", help="also print three pairs of each source")
    given = parser.parse_args()
    collections = read_breadth(given.work)
    licence = {f"breadth-{source.name}": source.licence for source in SOURCES}
    print(f"{'source':<24}{'passages':>9}{'title':>8}{'cloze':>8}{'words':>7}  licence")
    for made in collections:
        cloze = sum(key.startswith("cloze-") for key in made.question_ids)
        median = statistics.median(len(passage.split()) for passage in made.passages)
        title = len(made.questions) - cloze
        print(f"{made.name:<24}{len(made.passages):>9}{title:>8}{cloze:>8}{median:>7.0f}  {licence[made.name]}")
        rng = random.Random(0)
        for row in rng.sample(range(len(made.questions)), 3) if given.examples else ():
            print(f"    {made.questions[row]}\n        -> {made.passages[made.positives[row][0]]}")
    print(f"{sum(len(made.questions) for made in collections)} questions in all")


if __name__ == "__main__":
    main()
