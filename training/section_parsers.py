"""Finds titled sections in the files of documentation packages: HTML, XML help, dictionaries, manuals."""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree

from training.broad_text import Section


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VOID = _names("area base br col embed hr img input link meta source track wbr")
_SKIPPED = _names("script style nav header footer pre table form button select svg math head sup")
_SKIPPED_CLASS = re.compile(
    r"\b(nav\w*|navigation|toc\w*|footer|header|sphinxsidebar|related|breadcrumb\w*|menu|headerlink|index|footnotes?)\b"
)
_HEADING = re.compile(r"h[1-6]$")
_BLOCK = _names("p div li dd dt blockquote section article td br ul ol dl body")


class _HtmlSections(HTMLParser):
    """Collects headings and the paragraphs below them; code, tables and navigation are skipped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[tuple[int, str, list[str]]] = []
        self._open: list[str] = []
        self._skipped_at: int | None = None
        self._heading: list[str] | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCK:
            self._end_paragraph()
        if tag in _VOID:
            return
        named = " ".join(value or "" for key, value in attrs if key in {"class", "id", "role"}).lower()
        self._open.append(tag)
        if self._skipped_at is None and tag not in {"body", "html"} and self._is_skipped(tag, named):
            self._skipped_at = len(self._open)
        elif self._skipped_at is None and _HEADING.match(tag):
            self._end_paragraph()
            self._heading = []

    @staticmethod
    def _is_skipped(tag: str, named: str) -> bool:
        return tag in _SKIPPED or (tag in {"div", "a", "ul", "aside", "p", "dl"} and bool(_SKIPPED_CLASS.search(named)))

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCK:
            self._end_paragraph()
        if tag not in self._open:
            return
        while self._open.pop() != tag:
            pass
        if self._skipped_at is not None and len(self._open) < self._skipped_at:
            self._skipped_at = None
        if _HEADING.match(tag) and self._heading is not None:
            self.sections.append((int(tag[1]), "".join(self._heading), []))
            self._heading = None

    def handle_data(self, data: str) -> None:
        if self._skipped_at is None:
            (self._text if self._heading is None else self._heading).append(data)

    def _end_paragraph(self) -> None:
        text = "".join(self._text).strip()
        self._text = []
        if text and self.sections and self._heading is None:
            self.sections[-1][2].append(text)


def html_sections(page: str) -> Iterator[Section]:
    """Yield each heading of a page with the paragraphs up to the next one; the parent is the heading it is under."""
    parser = _HtmlSections()
    parser.feed(page)
    parser.close()
    above: list[tuple[int, str]] = []
    for level, title, paragraphs in parser.sections:
        while above and above[-1][0] >= level:
            above.pop()
        yield Section(title, above[-1][1] if above else "", tuple(paragraphs))
        above.append((level, title))


_XML_SECTIONS = _names(
    "page section chapter article appendix preface sect1 sect2 sect3 sect4 sect5 refsect1 refsect2 qandaentry"
)
_XML_SKIPPED = _names(
    "info title code screen programlisting table informaltable links legalnotice articleinfo bookinfo index"
)


def xml_sections(page: str) -> Iterator[Section]:
    """Yield the titled sections of a Mallard or DocBook page; unknown entities become their names.

    Raises:
        xml.etree.ElementTree.ParseError: the page is not XML.
    """
    page = re.sub(r"<!DOCTYPE[^\[>]*(\[.*?\]\s*)?>", "", page, count=1, flags=re.DOTALL)
    known = {"amp", "lt", "gt", "quot", "apos"}
    page = re.sub(
        r"&([A-Za-z][\w.-]*);",
        lambda found: found[0] if found[1] in known else html.unescape(found[0]).strip("&;"),
        page,
    )
    yield from _xml_below(ElementTree.fromstring(page), "")


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else "comment"


def _xml_below(element: ElementTree.Element, parent: str) -> Iterator[Section]:
    title = parent
    if _local(element) in _XML_SECTIONS:
        heads = [child for child in element if _local(child) in {"title", "question"}]
        title = "".join(heads[0].itertext()) if heads else ""
        yield Section(title, parent, tuple(_xml_paragraphs(element)))
    for child in element:
        yield from _xml_below(child, title)


def _xml_paragraphs(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        name = _local(child)
        if name in {"p", "para", "simpara"}:
            yield "".join(child.itertext())
        elif name not in _XML_SECTIONS and name not in _XML_SKIPPED and name != "comment":
            yield from _xml_paragraphs(child)


_DICTD_DIGITS = {
    char: value for value, char in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}
_BRACES = re.compile(r"\{\s*([^{}]*)\}")


def _dictd_number(text: str) -> int:
    number = 0
    for char in text:
        number = number * 64 + _DICTD_DIGITS[char]
    return number


def dictd_entries(index: str, packed: bytes) -> Iterator[tuple[str, str]]:
    """Yield (headword, entry) from a dictd database: its .index and its .dict.dz. Each entry comes once."""
    data = gzip.decompress(packed)
    names: dict[tuple[int, int], list[str]] = {}
    for line in index.splitlines():
        name, start, length = line.split("\t")[:3]
        names.setdefault((_dictd_number(start), _dictd_number(length)), []).append(name)
    for (at, size), heads in sorted(names.items()):
        entry = _BRACES.sub(r"\1", data[at : at + size].decode("utf-8", "replace"))
        named = [head for head in heads if entry.lower().startswith(head.lower())]
        if named and not heads[0].startswith("00"):
            head = max(named, key=len)
            yield entry[: len(head)].strip(), entry[len(head) :]


_GCIDE_ETYMOLOGY = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]")
_SPEECH = re.compile(r"^[\s,;]*(?:(?:n|a|adj|adv|v|t|i|vb|p|pr|pl|prep|conj|interj|imp|pref|obs|sing)\.[\s,&;]*)+")


def dictionary_sections(index: str, packed: bytes) -> Iterator[Section]:
    """Yield each entry as a section, without pronunciation, etymology, word class and bracketed sources."""
    for head, entry in dictd_entries(index, packed):
        text = re.sub(r"\\[^\\]{0,80}\\", " ", re.sub(r"\[[^\[\]]*1913[^\[\]]*\][^.]{0,40}$", "", entry.rstrip()))
        text = _GCIDE_ETYMOLOGY.sub(" ", text)
        text = re.sub(r"/[^/\s]{0,30}/|^\s*/[^/]{1,40}/|^\s*<[^>]{1,60}>", " ", text)
        text = re.sub(r"\s--\s?[A-Z][\w. ]{1,24}(?=\s*$)|\(\d{4}-\d\d-\d\d\)", "", text, flags=re.MULTILINE)
        text = re.sub(r"\s+", " ", text).strip()
        text = _SPEECH.sub("", re.sub(r"^\([^()]{1,30}\)", "", _SPEECH.sub("", text)))
        yield Section(head, "", (re.sub(r"\s+([.,;])", r"\1", text),))


def wordnet_sections(data: str) -> Iterator[Section]:
    """Yield each synonym set of a WordNet data file: its words as title, its gloss as paragraph."""
    for line in data.splitlines():
        if line.startswith("  ") or " | " not in line:
            continue
        head, _, gloss = line.partition(" | ")
        fields = head.split(" ")
        names = [fields[4 + 2 * row].partition("(")[0].replace("_", " ") for row in range(int(fields[3], 16))]
        yield Section(", ".join(names[:3]), "", (gloss.strip().replace('"', ""),))


def man_sections(source: str) -> Iterator[Section]:
    """Yield a manual page's one-line purpose with its description, and each other section under its own heading."""
    parts = re.split(r"^\.S[HS]\s+\"?(.*?)\"?\s*$", source, flags=re.MULTILINE)
    name, purpose = "", ""
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        paragraphs = tuple(_roff_paragraphs(body))
        if heading == "NAME" and paragraphs:
            name, _, purpose = paragraphs[0].partition(" - ")
        elif heading == "DESCRIPTION" and purpose:
            yield Section(purpose, name, paragraphs)
        else:
            yield Section(heading.capitalize() if heading.isupper() else heading, name, paragraphs)


def _roff_paragraphs(body: str) -> Iterator[str]:
    body = re.sub(r"^\.(?:nf|EX|TS|in \+4n)\b.*?^\.(?:fi|EE|TE|in)\b.*?$", "", body, flags=re.MULTILINE | re.DOTALL)
    lines: list[str] = []
    for line in body.splitlines():
        if re.match(r"\.\s*(?:PP|P|LP|TP|IP|sp|HP|RS|RE)\b", line):
            yield _roff_text(lines)
            lines = []
        elif re.match(r"\.\s*(?:B|I|BR|IR|RI|RB|BI|IB|SM|SB)\s", line):
            macro, _, rest = line.lstrip(".").strip().partition(" ")
            joint = "" if len(macro) == 2 and macro not in {"SM", "SB"} else " "
            lines.append(joint.join(part or other for part, other in re.findall(r'"([^"]*)"|(\S+)', rest)))
        elif not line.startswith((".", "'")):
            lines.append(line)
    yield _roff_text(lines)


def _roff_text(lines: list[str]) -> str:
    text = re.sub(r"\\f(?:\[\w*\]|\(..|.)|\\s[+-]?\d|\\[&|^/,)]|\\c", "", " ".join(lines))
    text = re.sub(r"\\(?:-|\(en|\(em|\[en\]|\[em\])", "-", text)
    text = re.sub(r"\\\((?:aq|oq|cq)|\\\[(?:aq|oq|cq)\]", "'", text)
    text = re.sub(r"\\\((?:lq|rq|dq)|\\\[(?:lq|rq|dq)\]", '"', text)
    return re.sub(r"\\(?:\[[^\]]*\]|\(..|.)", " ", text).strip()
