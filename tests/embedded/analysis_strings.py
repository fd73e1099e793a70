"""Strings that are hard to cut into words: a table written by hand, and a seeded generator of any number of them."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import random
import re
import unicodedata
from collections.abc import Iterator

AWKWARD = [
    "The foxes’ dens, the fox's den, the FOX＇S den and O'Neil's rock-'n'-roll",
    "state-of-the-art e-mail co-operation x-ray -5 --flag a--b",
    "3.14 1,000 1,000.50 1.2.3 .5 5. 1,a 1.a a.1 a,b 10:30 50% $9.99 1e-9 0x1F",
    "https://example.org/a_b?c=d&e=1#f user.name+tag@example.co.uk C:\\dir\\file.txt U.S.A. AT&T",
    "snake_case __init__ _ __ _a a_ 1_000 a_1 a__b _アイ_ wi-fi",
    "don't can't 'tis ’twas dogs' a'b'c a''b l'homme",
    "ABC123 123abc 4th 2nd B2B i18n",
    "東京都に行く ひらがな カタカナ ｶﾀｶﾅ 〇々 東京2024年 アイA Aアイ",
    "안녕하세요 세계 한국어abc",
    "สวัสดีชาวโลก ภาษาไทย123 ພາສາລາວ ភាសាខ្មែរ မြန်မာဘာသာ",
    "مُحَمَّد السَّلَامُ عَلَيْكُمْ ١٢٣٫٤ ٪",
    'צה"ל ג\'ירף א"ב"ג א\'ב א" א\' a"b תל־אביב',
    "नमस्ते दुनिया क्षत्रिय বাংলা தமிழ்",
    "👩\u200d👩\u200d👧 👍🏽 👍 🏽 🇩🇪🇫🇷 🇩 🇩🇪🇫 1️⃣ #️⃣ *⃣ # 😀😀 ❤️\u200d🔥 ❤︎ ⓂⓂ\u200d😀 ℹ️x",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 🏴\ufe0f\U000e0067\U000e007f x😀y \u200d😀",
    "e\u0301te\u0301 \u0301a a\u0308\u0323b nai\u0308ve Ångström A\u030angstro\u0308m",
    "soft\u00adhyphen zero\u200bwidth non\u200cjoiner join\u200der word\u2060joiner \ufeffbom rtl\u200fmark",
    "İSTANBUL ISPARTA ıI ΟΔΟΣ ΣΑΣ ẞ ß Ǆ ﬁ K Å Ⴀ Ꭰ 𐐀",
    "𝐀𝐁𝐂 𠀀𠀁 𐐷 \U0001f170\U0001f171 a𝟘 🅰b",
    "tab\tnew\nline\rcr\x0bvt\x0cff\x1cfs\x85nel\xa0nbsp\u2028ls\u3000wide\u202fnarrow\u1680ogham\x00nul\x7fdel",
    "a:b a·b a.b 1;2 1:2 a‧b a：b １２３ １，２ a＿b",
    "x" * 255,
    "x" * 256,
    "x" * 254 + "'s",
    "_" * 300 + "tail",
    "𝐀" * 130,
    "東" * 3 + "é" * 600,
    "1,234" * 60,
    "relational conditional vietnamization hopefulness skies dying news y yes sky apply being agreed hopping falling",
    "as is us 😀s a's aed ing eed",
    "",
    " ",
    "the",
    "the of and",
]

_CHARACTERS = list(
    "abeisxyAZÉéñßİΣσς''’＇..,,::;;__\"\"#*0079１ \u0301\u0308\u00ad\u200b\u200c\u200d\u200d\u2060\ufe0e\ufe0f\u20e3"
    "אבגаяΩあん漢字アイーｱ한글กาัລາកាမြاَبनम्ি·‧٫،׳״-/@&%$\t\n\x00\x1f\u00a0\u202f\u3000"
    "😀👩👍🏽🏿🚀❤ⓂℹⒶ🅰©™〰🇩🇪🇫\U000e0067\U000e007f𝐀𠀀𐐀𝟘"
)
# fmt: off
_STEMS = [
    "relat", "hop", "agre", "fall", "ti", "caress", "motor", "sky", "happi", "vietnam", "general", "oscill",
    "y", "ay", "ion", "fizz", "bled", "controll",
]
_ENDINGS = [
    "s", "es", "ies", "sses", "ed", "eed", "ing", "at", "bl", "iz", "y", "ational", "tional", "enci", "anci",
    "izer", "bli", "alli", "entli", "eli", "ousli", "ization", "ation", "ator", "alism", "iveness", "fulness",
    "ousness", "aliti", "iviti", "biliti", "logi", "icate", "ative", "alize", "iciti", "ical", "ful", "ness",
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate",
    "iti", "ous", "ive", "ize", "e", "ll", "'s", "’S",
]
# fmt: on
_DOCUMENTED_MODULES = ["argparse", "asyncio", "collections", "datetime", "decimal", "email", "os", "re", "socket"]


def generated(count: int, seed: int = 20240229) -> Iterator[str]:
    """Strings over a few awkward characters each, over any assigned ones, and of words with the suffixes of Porter."""
    # Characters of Unicode 3.2 have kept their case and category on every Java and Python in use.
    settled = [chr(point) for point in range(0x30000) if unicodedata.ucd_3_2_0.category(chr(point)) not in ("Cn", "Cs")]
    choose = random.Random(seed)
    for at in range(count):
        length = choose.choice([1, 2, 3, 5, 8, 13, 21]) if at % 40 else choose.randint(120, 600)
        if at % 4 == 0:
            yield "".join(choose.choices(settled, k=length))
        elif at % 4 == 1:
            yield " ".join(choose.choice(_STEMS) + choose.choice(_ENDINGS) for _ in range(6))
        else:
            yield "".join(choose.choices(choose.sample(_CHARACTERS, choose.randint(2, 12)), k=length))


def paragraphs() -> list[str]:
    """The paragraphs of the docstrings of a few modules of the standard library, ASCII as good as always."""
    found = []
    for name in _DOCUMENTED_MODULES:
        module = importlib.import_module(name)
        for _, documented in inspect.getmembers(module, lambda member: inspect.isclass(member) or callable(member)):
            with contextlib.suppress(AttributeError):
                found += re.split(r"\n\s*\n", inspect.getdoc(documented) or "")
    return sorted({paragraph for paragraph in found if paragraph.strip()})
