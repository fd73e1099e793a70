"""Room: training. Broad pairs for transfer: a title and its section, a term and its definition, from Debian packages.

`python -m training.breadth --work FOLDER` fetches, caches and prints what there is. Network on the first call only.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

from training.broad_text import Section, make_collection, titled_passages
from training.debian_packages import Apt, description_sections
from training.judged import Collection
from training.section_parsers import dictionary_sections, html_sections, man_sections, wordnet_sections, xml_sections

MAX_PASSAGES = 20_000
_MIN_PASSAGES = 100
_TERM_TEMPLATES = ("{}", "{}", "what is {}", "what does {} mean", "definition of {}", "meaning of {}")


@dataclass(frozen=True)
class Source:
    """Where passages come from: packages read by one parser; at most `max_passages`, `cloze_share` of them cloze."""

    name: str
    packages: tuple[str, ...]
    parser: str
    subject: str
    licence: str
    max_passages: int = MAX_PASSAGES
    cloze_share: float = 0.3
    templates: tuple[str, ...] = ("{}",)


SOURCES = (
    Source(
        "descriptions", (), "descriptions", "what 30,000 programs, games, data sets do", "each package's own", 14_000
    ),
    Source("gcide", ("dict-gcide",), "dictd", "general English", "GPL-3+", 9_000, 0.1, _TERM_TEMPLATES),
    Source("wordnet", ("wordnet-base",), "wordnet", "general English", "WordNet", 5_000, 0.0, _TERM_TEMPLATES),
    Source("foldoc", ("dict-foldoc",), "dictd", "computing", "GFDL-1.1+", 6_000, 0.3, _TERM_TEMPLATES),
    Source("jargon", ("dict-jargon",), "dictd", "hackers' slang", "public domain", 2_000, 0.3, _TERM_TEMPLATES),
    Source("anarchism", ("anarchism",), "html", "politics, history, economics (FAQ)", "GFDL-1.2+ or GPL-2+"),
    Source("gnome", ("gnome-user-docs",), "xml", "desktop help", "CC-BY-SA-3.0"),
    Source("office", ("libreoffice-help-en-us",), "html", "office work, formulas", "MPL-2.0"),
)


def _texts(apt: Apt, source: Source, *endings: str) -> Iterator[tuple[Path, str]]:
    for package in source.packages:
        folder = apt.unpacked(package)
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix().removesuffix(".gz")
            if name.endswith(endings) and path.is_file() and not path.is_symlink():
                raw = path.read_bytes()
                text = gzip.decompress(raw) if path.suffix == ".gz" else raw
                yield path, text.decode("utf-8", "replace")


def _sections(apt: Apt, source: Source) -> Iterator[Section]:
    if source.parser == "descriptions":
        yield from description_sections(apt.records())
    elif source.parser == "html":
        for path, text in _texts(apt, source, ".html", ".htm", ".xhtml"):
            if not {"de", "fr", "es", "it", "ja", "pt-BR", "ru", "zh-CN"} & set(path.parts):
                yield from html_sections(text)
    elif source.parser == "xml":
        for path, text in _texts(apt, source, ".page", ".docbook"):
            if {"C", "en"} & set(path.parts):
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
        titled = titled_passages(list(_sections(Apt(work / "breadth" / "apt"), source)))
        made = make_collection(
            f"breadth-{source.name}",
            titled,
            max_passages=source.max_passages,
            cloze_share=source.cloze_share,
            templates=source.templates,
        )
        partial = path.with_suffix(".partial")
        with gzip.open(partial, "wt", encoding="utf-8") as lines:
            for key, column in asdict(made).items():
                lines.write(json.dumps({key: column}, ensure_ascii=False) + "\n")
        partial.replace(path)
    fields: dict[str, object] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            fields.update(json.loads(line))
    read = Collection(**fields)  # type: ignore[arg-type]
    return Collection(**{**fields, "positives": [tuple(places) for places in read.positives]})  # type: ignore[arg-type]


def read_breadth(work: Path) -> list[Collection]:
    """Return one collection a source, from the cache under work/breadth; what is not there is fetched first.

    Question ids begin with their kind, title- or cloze-. Raises: OSError: a package cannot be had.
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
    """Print each source's size and licence, with --examples three random pairs of each."""
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
