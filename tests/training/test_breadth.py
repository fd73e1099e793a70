"""Broad pairs: sections found in small pages, dictionaries and records, and what is dropped. No network."""

from __future__ import annotations

import gzip
import random

from training.breadth import SOURCES, licences
from training.broad_text import Section, clean_title, cloze, make_collection, titled_passages, windows
from training.debian_packages import description_sections
from training.section_parsers import (
    dictionary_sections,
    html_sections,
    man_sections,
    wordnet_sections,
    xml_sections,
)

BEES = "The honey bee lives in the hive with the queen and carries pollen of the flowers to the cells by day and night."
TIDE = "The tide is the rise and fall of the sea that the moon and the sun bring about twice in the course of one day."
SHOE = "A shoe is for the foot: the sole of it is made of leather or rubber and the laces hold it to the ankle."


def test_a_heading_takes_the_paragraphs_below_it_without_code_and_navigation() -> None:
    page = "<div class='toc'><p>1 Bees</p></div><h1>Insects</h1><h2>Bees</h2><p>They <b>fly</b>.</p><pre>x</pre><p>Far"
    assert list(html_sections(page)) == [Section("Insects", "", ()), Section("Bees", "Insects", ("They fly.",))]


def test_a_help_page_gives_its_sections_and_unknown_entities_are_their_names() -> None:
    page = "<page><info><p>x</p></info><title>Fonts &app;</title><p>One.</p><section><title>Size</title><p>Two.</p>"
    found = list(xml_sections(page + "</section></page>"))
    assert found == [Section("Fonts app", "", ("One.",)), Section("Size", "Fonts app", ("Two.",))]


def test_a_dictionary_entry_loses_pronunciation_class_and_etymology() -> None:
    entry = 'Lapidate \\Lap"i*date\\, v. t. [L. lapidatus.]\n   To {stone} someone.\n   [1913 Webster]'
    assert len(entry) == 85  # dictd writes numbers in base 64: 0 is "A", 85 = 1 * 64 + 21 is "BV"
    index = "Lapidate\tA\tBV\n"
    assert list(dictionary_sections(index, gzip.compress(entry.encode()))) == [
        Section("Lapidate", "", ("To stone someone.",))
    ]


def test_a_synonym_set_is_titled_by_its_words() -> None:
    line = '00001740 03 n 02 hot_dog 0 frank 0 001 @ 00000000 n 0000 | a sausage; "he ate it"  '
    assert list(wordnet_sections(line)) == [Section("hot dog, frank", "", ("a sausage; he ate it",))]


def test_a_manual_page_answers_its_purpose_with_its_description() -> None:
    page = ".SH NAME\nopen \\- open a file\n.SH DESCRIPTION\nThe\n.BR open ()\ncall opens.\n.PP\n\\fIIt\\fP fails.\n"
    assert list(man_sections(page)) == [Section("open a file", "open", ("The open() call opens.", "It fails."))]


def test_of_one_source_package_only_the_main_binary_is_described() -> None:
    records = (
        "Package: star-tools\nSource: star (1.0)\nSection: science\nDescription-en: tools of star\n Tools.\n\n"
        "Package: star\nSection: science\nDescription-en: shows stars (viewer)\n It shows\n stars.\n .\n And moons.\n\n"
        "Package: star-dev\nSource: star\nSection: science\nDescription-en: headers\n Headers.\n"
    )
    assert list(description_sections(records)) == [Section("shows stars", "", ("It shows stars.", "And moons."))]


def test_generic_titles_other_languages_and_near_identical_passages_are_dropped() -> None:
    sections = [
        Section("1.2. The hive", "", (BEES,)),
        Section("See also", "", (TIDE,)),
        Section("Another hive", "", (f"{BEES} Indeed.",)),
        Section("Ein Schuh", "", ("Der Schuh ist aus Leder und hat eine Sohle und zwei Bänder " * 3,)),
        Section("What moves the sea?", "", (TIDE,)),
    ]
    assert titled_passages(sections) == [("The hive", BEES), ("What moves the sea?", TIDE)]


def test_a_repeated_title_comes_after_its_parents() -> None:
    sections = [Section("Parts", "Hives", (BEES,)), Section("Parts", "Shoes", (SHOE,))]
    assert titled_passages(sections) == [("Hives: Parts", BEES), ("Shoes: Parts", SHOE)]


def test_paragraphs_that_five_sections_repeat_are_left_out() -> None:
    notice = "The manual of the hive is for the friend of the bee."
    own = [f"{number} {TIDE} {SHOE if number % 2 else BEES}" for number in range(5)]
    sections = [Section(f"Title {'abcde'[number]}", "", (notice, own[number])) for number in range(5)]
    assert all(notice not in passage for _, passage in titled_passages(sections))


def test_windows_hold_whole_sentences_up_to_the_limit() -> None:
    sentence = "Bees " + "fly " * 98 + "home."  # 100 words: two fill a window of 200
    assert windows([f"{sentence} {sentence} {sentence}"], 2) == [f"{sentence} {sentence}", sentence]
    assert windows([f"{sentence} {sentence} {sentence}"], 1) == [f"{sentence} {sentence}"]


def test_numbers_are_no_part_of_a_title() -> None:
    titles = ["5.3. Fonts:", "Chapter 4. Fonts", "[B.2] Fonts", "47.3-2 Fonts", "A.1 Fonts ¶", "Fonts"]
    assert [clean_title(title) for title in titles] == ["Fonts"] * 6


def test_a_cloze_takes_one_sentence_out_and_leaves_the_rest() -> None:
    passage = f"{BEES} {TIDE} {SHOE} The bee is in the hive."
    found = cloze(passage, random.Random(1))
    assert found is not None
    sentence, rest = found
    assert sentence in passage
    assert sentence not in rest
    assert cloze("Too short. To split.", random.Random(1)) is None


def test_a_shared_title_is_one_question_with_several_positives_and_kinds_are_told_by_the_id() -> None:
    long = f"{BEES} {TIDE} {SHOE} {TIDE}"
    made = make_collection("made", [("Sea", TIDE), ("Hive", long), ("Sea", SHOE)], max_passages=9, cloze_share=1.0)
    assert made.questions[:2] == ["Sea", "Hive"]
    assert made.positives == [(0, 2), (1,), (1,)]
    assert [key.split("-")[0] for key in made.question_ids] == ["title", "title", "cloze"]
    assert made.questions[2] not in made.passages[1] or made.questions[2] == TIDE


def test_every_source_names_its_licence() -> None:
    assert all(source.licence and source.subject for source in SOURCES)
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    assert licences().count("\n") == len(SOURCES) + 2
