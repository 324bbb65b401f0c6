"""The second engine: jageocoder asked in the city, then in the country, and checked.

jageocoder guesses where a strict parser would not: it leaves out 区 (西九条 is then
西区九条), skips letters (緑風ヶ丘3 is 緑三丁目) and stops inside a word (松原市 is 松).
Each answer is therefore spelled out against the text, and one that cannot be is not
sure.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from dispatch.domain.placing import PlaceLevel
from geodata.address_text import is_too_long, normalised, town_tail
from geodata.bundle.dictionary import (
    BLOCK,
    BLOCK_WORD,
    CHOME,
    CITY,
    COUNTY,
    FILES,
    LABELS_FILE,
    NODES_FILE,
    NUMBER,
    NUMBER_WORD,
    OAZA,
    PREF,
    TOWN_NOTE,
    WARD,
    Spell,
)

MAX_ASKED = 100  # characters; an address stands at the beginning
KEPT_NODES = 2_000  # per thread and dictionary, about 600 bytes each
CACHE_KIB = 256  # SQLite's pages per table; the system keeps the files in memory

# Said in full, for jageocoder would take them from the environment.
_SETTINGS = {"best_only": True, "target_area": [], "require_coordinates": True}
_NODE_SQL = (
    "SELECT id, name, nameIndex, x, y, level, priority, note, parentId, siblingId"
    " FROM records WHERE _pos = ?"
)
_LABEL_SQL = "SELECT nodes FROM records WHERE _pos = ?"
# 1番地の6 is read as 1番6 and 谷町 7 as 谷町7: these characters are left out.
_LEFT_OUT = re.compile(r" |(?<=[0-9]番)(?:地の?|の)-?(?=[0-9])")
# A word after の ends the address: jageocoder takes の for a hyphen and drops the 号.
_WORD_AFTER_NUMBER = re.compile(r"(?<=[0-9番号目地])の(?![0-9A-Z])")
_OPTIONAL = str.maketrans("", "", "ガノッ")
_NUMBERS = re.compile(r"(?:[0-9.]+|丁目?|番地?|号|-)*")
_LETTER = re.compile(r"[^\W0-9_a-zA-Z]")
_NUMBER_END = re.compile(r"[0-9番号目]$")
_LONGER_WORD = re.compile(r"[0-9]?(?:番[街館]|号[線館棟車])|[0-9][0-9]")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondAnswer:
    """
    What the second engine makes of a text.

    Parameters
    ----------
    municipality
        Another city or town with its prefecture (大阪府松原市); empty in the city.
    ward, town, block, number
        Names as in the records: `town` official with kanji 丁目, the others in ASCII.
    level
        None when nothing finer than a municipality was found.
    place
        Position of the finest name; None for a municipality.
    matched_text, rest
        The two parts of the normalised text: read (with a hyphen after the last number
        that was known), and left over.
    is_sure
        Whether every letter that was read spells the answer, reading stopped at a
        word's border, and no other answer fits as well.
    num_answers
        How many different places fit equally well; 0 for none.
    """

    municipality: str = ""
    ward: str = ""
    town: str = ""
    block: str = ""
    number: str = ""
    level: PlaceLevel | None = None
    place: LonLat | None = None
    matched_text: str = ""
    rest: str = ""
    is_sure: bool = False
    num_answers: int = 0


class SecondEngine:
    """
    Asks jageocoder; safe to use from any thread, each of which opens its own tree.

    Parameters
    ----------
    city_folder
        Dictionary of the city.
    national_folder
        Dictionary of all other municipalities; without it nothing is ever outside.

    Raises
    ------
    SourceError
        When a folder does not hold a whole dictionary.
    """

    def __init__(self, city_folder: Path, national_folder: Path | None) -> None:
        for folder in (city_folder, national_folder):
            if folder and not all((folder / name).is_file() for name in FILES):
                message = f"{folder} holds no dictionary: build the bundle again"
                raise SourceError(message)
        self._city_folder = city_folder
        self._national_folder = national_folder
        self._mine = threading.local()
        self._is_closed = False

    def ask(self, text: str) -> SecondAnswer:
        """
        Say where the address at the beginning of a text is; never raises.

        A text over 10 kB, or one that jageocoder cannot read, has no answer; neither
        has any text after `close`.
        """
        if self._is_closed:
            self._close_mine()
        if self._is_closed or is_too_long(text):
            return SecondAnswer()
        try:
            return self._asked(normalised(text))
        except Exception as error:  # noqa: BLE001 - foreign code on any text
            # The text is a resident's: only the kind of failure is told.
            logger.warning("second engine gave up: %s", type(error).__name__)
            return SecondAnswer()

    def warm(self) -> None:
        """Load the library, which takes a fifth of a second once in a process."""
        import jageocoder.local  # noqa: F401, PLC0415 - heavy, optional

    def close(self) -> None:
        """
        Give no answers from now on.

        The files of this thread are closed. Another thread may be reading its own just
        now, and closes them itself when it asks next or ends.
        """
        self._is_closed = True
        self._close_mine()

    def _close_mine(self) -> None:
        for dictionary in filter(None, getattr(self._mine, "pair", None) or ()):
            dictionary.close()
        self._mine.pair = None

    def _asked(self, line: str) -> SecondAnswer:
        asked = _Asked.of(line)
        if not asked.text:
            return SecondAnswer()
        city, national = self._dictionaries()
        ours = city.answer(asked)
        if national is None or _is_complete(ours) or city.is_named_by(asked.text):
            return ours
        theirs = national.answer(asked)
        longer = len(theirs.matched_text) > len(ours.matched_text)
        return theirs if longer else ours

    def _dictionaries(self) -> tuple[_Dictionary, _Dictionary | None]:
        """Open the dictionaries of this thread, or take those it has."""
        pair: tuple[_Dictionary, _Dictionary | None] | None
        pair = getattr(self._mine, "pair", None)
        if pair is None:
            city = _Dictionary(self._city_folder, is_city=True)
            folder, near = self._national_folder, city.near_pref
            pair = (
                city,
                _Dictionary(folder, is_city=False, near_pref=near) if folder else None,
            )
            self._mine.pair = pair
        return pair


def _is_complete(answer: SecondAnswer) -> bool:
    return answer.is_sure and answer.level not in (None, PlaceLevel.WARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A normalised line, what of it jageocoder reads, and where each letter stood."""

    line: str
    text: str
    positions: Sequence[int]

    @staticmethod
    def of(line: str) -> _Asked:
        head = line[:MAX_ASKED]
        dropped = {at for found in _LEFT_OUT.finditer(head) for at in _span(found)}
        word = _WORD_AFTER_NUMBER.search(head)
        end = word.start() if word else len(head)
        positions = [at for at in range(end) if at not in dropped]
        text = "".join(head[at] for at in positions)
        return _Asked(line=line, text=text, positions=positions)

    def parts(self, num_read: int) -> tuple[str, str]:
        """Split the line after a number of characters of the text."""
        at = self.positions[num_read - 1] + 1
        if num_read < len(self.positions):  # 番地 belongs to 番, a space to the rest
            at += len(self.line[at : self.positions[num_read]].strip())
        return self.line[:at], self.line[at:]


def _span(found: re.Match[str]) -> range:
    return range(found.start(), found.end())


class _Dictionary:
    """One dictionary as one thread sees it."""

    def __init__(self, folder: Path, *, is_city: bool, near_pref: str = "") -> None:
        from jageocoder.local import LocalTree  # noqa: PLC0415 - heavy, optional

        # It writes the text that it is asked into its log; that text is a resident's.
        logging.getLogger("jageocoder").setLevel(logging.WARNING)
        self.is_city = is_city
        self._tree = LocalTree(db_dir=folder, mode="r")
        # Skipping names (字) that are not in the text is what makes wrong answers.
        self._tree.set_config(aza_skip=False, auto_redirect=False, **_SETTINGS)
        self._nodes = _Nodes(folder / NODES_FILE)
        self._labels = _Labels(folder / LABELS_FILE)
        self._tree.address_nodes = self._nodes
        self._tree.trie_nodes = self._labels
        self._standard = lru_cache(maxsize=4096)(self._tree.converter.standardize)
        top = self._top_names()
        self._own_names = ("".join(top.values()), top[CITY])
        self.near_pref = top.get(PREF, "") if is_city else near_pref

    def close(self) -> None:
        self._nodes.close()
        self._labels.close()

    def is_named_by(self, text: str) -> bool:
        """Whether the text begins with the city's own name."""
        return text.startswith(self._own_names)

    def answer(self, asked: _Asked) -> SecondAnswer:
        """Best answer of this dictionary."""
        found = [
            (result.node, result.matched)
            for result in self._tree.searchNode(asked.text)
            if result.matched
        ]
        if not found:
            return SecondAnswer()
        longest = max(len(matched) for _, matched in found)
        fits = [
            (self._fit(names, matched), self._named(names, node))
            for node, matched in found
            if len(matched) == longest
            for names in (_names(node),)
        ]
        best = max(fit for fit, _ in fits)
        answers = list(dict.fromkeys(answer for fit, answer in fits if fit == best))
        matched_text, rest = asked.parts(longest)
        is_sure = best > 0 and len(answers) == 1 and _at_border(matched_text, rest)
        if answers[0].municipality and answers[0].level is None and rest:
            is_sure = False  # none of its towns follows: the name may be a chance
        return replace(
            answers[0],
            matched_text=matched_text,
            rest=rest,
            is_sure=is_sure,
            num_answers=len(answers),
        )

    def _top_names(self) -> dict[int, str]:
        """Names from the first node down to the first municipality, by level."""
        top: dict[int, str] = {}
        while CITY not in top:
            node = self._nodes.get_node_by_id(len(top) + 1)
            top[node.level] = node.name
        return top

    def _named(self, names: dict[int, str], node: Any) -> SecondAnswer:  # noqa: ANN401 - jageocoder is untyped
        upper = "".join(names.get(level, "") for level in (PREF, COUNTY, CITY))
        level = _level(node)
        return SecondAnswer(
            municipality="" if self.is_city else upper,
            ward=names.get(WARD, ""),
            town=names.get(OAZA, "") + names.get(CHOME, ""),
            block=names.get(BLOCK, "").removesuffix(BLOCK_WORD),
            number=names.get(NUMBER, "").removesuffix(NUMBER_WORD),
            level=level,
            place=LonLat(node.x, node.y) if level else None,
        )

    def _fit(self, names: dict[int, str], matched: str) -> int:
        """
        Say how well the read letters spell the answer, and nothing but the answer.

        2 as it is written, 1 but for letters that people leave out (中島 for 中之島)
        where the ward is named, 0 not at all.
        """
        left, said = matched, set()
        for level in (PREF, COUNTY, CITY, WARD):
            shorter = self._without(left, names.get(level, ""))
            if shorter != left:
                said.add(level)
            left = shorter
        # Bare names of towns (坂町, 池田町) are also spelled by many other places.
        if COUNTY in names and self.near_pref != names.get(PREF) and not said - {CITY}:
            return 0
        if OAZA not in names:
            return 0 if left else 2
        if _is_spelled(names, left, self._standard):
            return 2
        is_lax = not self.is_city or WARD in said
        return 1 if is_lax and _is_spelled(names, left, self._bare) else 0

    def _without(self, text: str, name: str) -> str:
        """Text without a name at its beginning, in whatever characters."""
        same = self._standard(text[: len(name)]) == self._standard(name)
        return text[len(name) :] if name and same else text

    def _bare(self, text: str) -> str:
        """Give the standard spelling without ノ, ケ and ッ, which people leave out."""
        return str(self._standard(text)).translate(_OPTIONAL)


def _is_spelled(names: dict[int, str], text: str, spell: Spell) -> bool:
    """Whether a text is the town's name and then numbers (or the block's own name)."""
    spelled, oaza = spell(text), spell(names[OAZA])
    if not spelled.startswith(oaza):
        return False
    tail = spelled[len(oaza) :]
    block = spell(names.get(BLOCK, "").removesuffix(BLOCK_WORD))
    if not block[:1].isdigit():  # 渡辺, A
        tail = tail.replace(block, "", 1)
    return _NUMBERS.fullmatch(tail) is not None


def _names(node: Any) -> dict[int, str]:  # noqa: ANN401 - jageocoder is untyped
    """Names from the node upwards, by level."""
    names: dict[int, str] = {}
    while node is not None:
        names[node.level] = node.name
        node = node.get_parent()
    return names


def _level(node: Any) -> PlaceLevel | None:  # noqa: ANN401 - jageocoder is untyped
    if node.level == OAZA:
        return PlaceLevel.CHOME if node.note == TOWN_NOTE else PlaceLevel.OAZA
    return {
        WARD: PlaceLevel.WARD,
        CHOME: PlaceLevel.CHOME,
        BLOCK: PlaceLevel.BLOCK,
        NUMBER: PlaceLevel.HOUSE,
    }.get(node.level)


def _at_border(matched: str, rest: str) -> bool:
    """Whether reading stopped between two words rather than inside one."""
    if not rest:
        return True
    if _LONGER_WORD.match(matched[-1:] + rest[:2]):
        return False
    if _NUMBER_END.search(matched) or not _LETTER.match(rest):
        return True
    tail = town_tail(rest)
    return tail is not None and tail.is_sure


class _Table:
    """A table of a dictionary, read only; closed when nobody holds it any more."""

    def __init__(self, file: Path) -> None:
        # Closing comes from the thread that ends the engine; reading from one alone.
        self._connection = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro&immutable=1",
            uri=True,
            check_same_thread=False,
        )
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self.close = weakref.finalize(self, self._connection.close)


class _Nodes(_Table):
    """The nodes of a tree: what jageocoder asks of its own table, without its cost."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self._new = _quiet_node()
        self.get_node_by_id = lru_cache(maxsize=KEPT_NODES)(self._read)

    def _read(self, id: int) -> Any:  # noqa: A002, ANN401 - jageocoder's own name
        row = self._connection.execute(_NODE_SQL, (id,)).fetchone()
        return self._new(*row)


class _Labels(_Table):
    """Which nodes a label of the trie stands for."""

    def get_record(self, pos: int) -> dict[str, list[int]]:
        row = self._connection.execute(_LABEL_SQL, (pos,)).fetchone()
        return {"nodes": json.loads(row[0])}


@lru_cache(maxsize=1)
def _quiet_node() -> Any:  # noqa: ANN401 - jageocoder is untyped
    """Class of nodes that are not spelled out for debug lines that nobody reads."""
    from jageocoder.node import AddressNode  # noqa: PLC0415 - heavy, optional

    class QuietNode(AddressNode):  # type: ignore[misc]
        """jageocoder 2.2 formats every candidate for its log, shown or not."""

        def to_json(self) -> dict[str, Any]:
            return {}

    return QuietNode
