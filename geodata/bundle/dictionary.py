"""The second engine's dictionary, written from address lines with jageocoder's tables.

jageocoder reads a folder of three SQLite tables and a trie of labels; what is written
here follows its version 2.2. A node's children are sorted by their standard spelling,
for the engine finds them by bisection, and every node knows the id after its last
descendant.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.address_text import VARIANT_ROWS
from geodata.bundle.records import BlockRecord, HouseRecord, TownRecord
from geodata.city import CityProfile

NODES_FILE = "address_node.sqlite"
LABELS_FILE = "trienode.sqlite"
TRIE_FILE = "address.trie"
VARIANTS_FILE = "itaiji_dic.json"
FILES = (
    *(NODES_FILE, LABELS_FILE, TRIE_FILE, VARIANTS_FILE),
    *("dataset.sqlite", "aza_master.sqlite", "aza_master_code.trie"),
)
TOWN_NOTE = "town"  # marks a node that is a whole 町丁目, with or without 丁目
BLOCK_WORD = "番"
NUMBER_WORD = "号"

ROOT, PREF, COUNTY, CITY, WARD, OAZA, CHOME, BLOCK, NUMBER = range(9)
NO_DEGREES = 999.9  # jageocoder's sign for "no position"; sorts after every position

Spell = Callable[[str], str]
SortedLine = tuple[tuple[str, ...], tuple[str, ...], float, float, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressLine:
    """
    One place of the tree: the names of its levels, empty where a level is missing.

    `chome` is the 丁目 in kanji (七丁目), `block` and `number` are written with their
    word (16番, 3号). `place` belongs to the last name; None leaves it to what lies
    below or above. `is_town` says that the line is a whole 町丁目.
    """

    city: str
    pref: str = ""
    county: str = ""
    ward: str = ""
    oaza: str = ""
    chome: str = ""
    block: str = ""
    number: str = ""
    place: LonLat | None = None
    is_town: bool = False


@dataclass(slots=True, kw_only=True)
class _Node:
    id: int
    parent: int
    name: str
    index: str
    level: int
    lon: float = NO_DEGREES
    lat: float = NO_DEGREES
    sibling: int = 0
    is_town: bool = False


def city_lines(
    towns: Iterable[TownRecord],
    blocks: Iterable[BlockRecord],
    houses: Iterable[HouseRecord],
    profile: CityProfile,
) -> Iterator[AddressLine]:
    """
    Make the lines of the city: towns, blocks and house numbers.

    A block of a town that is not among the towns keeps the town's whole name.
    """
    wards = {ward.code: ward.name for ward in profile.wards}
    pref = profile.gazetteer.prefecture
    city = profile.gazetteer.city or profile.name
    parts: dict[tuple[str, str], tuple[str, str]] = {}
    for town in towns:
        oaza, chome = town.oaza, town.name.removeprefix(town.oaza)
        parts[town.ward_code, town.name] = oaza, chome
        yield AddressLine(
            pref=pref,
            city=city,
            ward=wards[town.ward_code],
            oaza=oaza,
            chome=chome,
            place=town.place,
            is_town=True,
        )
    for layer in (blocks, houses):
        for row in layer:
            oaza, chome = parts.get((row.ward_code, row.town), (row.town, ""))
            number = row.number if isinstance(row, HouseRecord) else ""
            yield AddressLine(
                pref=pref,
                city=city,
                ward=wards[row.ward_code],
                oaza=oaza,
                chome=chome,
                block=_worded(row.block, BLOCK_WORD),
                number=_worded(number, NUMBER_WORD),
                place=row.place,
            )


def write_dictionary(
    folder: Path, nodes: Iterable[AddressLine], *, title: str, bare_towns: bool = True
) -> int:
    """
    Write a dictionary; the same lines in any order give the same content.

    Parameters
    ----------
    folder
        Made when it is missing; an older dictionary in it is replaced.
    nodes
        Lines; what is above them (prefecture, ward …) comes into being by itself, at
        the mean of what it holds.
    title
        Name of the data set, kept inside.
    bare_towns
        Whether an address may begin with a town's name. Without it only prefectures,
        municipalities and wards begin one, and the towns are found below them.

    Returns
    -------
    int
        Number of nodes.

    Raises
    ------
    SourceError
        When there are no lines: jageocoder cannot read an empty dictionary.
    """
    from jageocoder.aza_master import AzaMaster  # noqa: PLC0415 - heavy, optional
    from jageocoder.dataset import Dataset  # noqa: PLC0415
    from jageocoder.itaiji import Converter  # noqa: PLC0415
    from jageocoder.node import AddressNodeTable  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    _write_variants(folder / VARIANTS_FILE)
    converter = Converter(itaiji_dic_path=folder)
    tree = _tree(nodes, lru_cache(maxsize=None)(converter.standardize))
    if len(tree) == 1:
        message = f"{title}: no addresses for the second engine's dictionary"
        raise SourceError(message)
    _fill(AddressNodeTable(db_dir=folder), map(_record, tree))
    _fill(Dataset(db_dir=folder), [{"id": 0, "title": title, "url": ""}])
    # Without this table jageocoder refuses addresses that begin with a town.
    _fill(AzaMaster(db_dir=folder), [], index="code")
    finest = OAZA if bare_towns else WARD
    _write_labels(folder, _labels(tree, finest, converter))
    return len(tree) - 1


def _worded(text: str, word: str) -> str:
    """Put 番 or 号 after a number or letter; 渡辺 is a name and stays as it is."""
    return text + word if text.isascii() and text else text


def _write_variants(file: Path) -> None:
    """Variant characters: jageocoder's own and, where it has none, ours."""
    import jageocoder.itaiji  # noqa: PLC0415 - heavy, optional

    own = Path(jageocoder.itaiji.__file__).with_name(VARIANTS_FILE)
    table: dict[str, str] = json.loads(own.read_text(encoding="utf-8"))
    for row in VARIANT_ROWS:
        target = table.get(row[0], row[0])
        if "ぁ" <= row[0] <= "ヿ":
            continue  # small kana: jageocoder treats them as letters to be left out
        known = set(table) | set(table.values())
        table |= {char: target for char in row[1:] if char not in known}
    text = json.dumps(table, ensure_ascii=False, indent=0)
    file.write_text(text + "\n", encoding="utf-8")


def _paths(lines: Iterable[AddressLine], spell: Spell) -> list[SortedLine]:
    paths: list[SortedLine] = []
    for line in lines:
        upper = (line.pref, line.county, line.city, line.ward)
        names = (*upper, line.oaza, line.chome, line.block, line.number)
        key = tuple(spell(name) for name in names if name)
        place = line.place
        lon, lat = (place.lon, place.lat) if place else (NO_DEGREES, NO_DEGREES)
        paths.append((key, names, lon, lat, line.is_town))
    return paths


def _tree(lines: Iterable[AddressLine], spell: Spell) -> list[_Node]:
    """Nodes in the order of their ids, the root first, every position filled."""
    tree = [_Node(id=0, parent=0, name="_root_", index="", level=ROOT)]
    open_: list[_Node] = []
    for key, names, lon, lat, is_town in sorted(_paths(lines, spell)):
        named = [(name, level) for level, name in enumerate(names, PREF) if name]
        shared = _num_shared(open_, key)
        _shut(open_[shared:], len(tree))
        del open_[shared:]
        for index, (name, level) in zip(key[shared:], named[shared:], strict=True):
            parent = open_[-1].id if open_ else 0
            node = _Node(
                id=len(tree), parent=parent, name=name, index=index, level=level
            )
            tree.append(node)
            open_.append(node)
        last = open_[-1]
        last.is_town |= is_town
        if last.lon == NO_DEGREES:
            last.lon, last.lat = lon, lat
    _shut([tree[0], *open_], len(tree))
    _fill_places(tree)
    return tree


def _num_shared(open_: Sequence[_Node], key: Sequence[str]) -> int:
    num = 0
    for node, index in zip(open_, key, strict=False):
        if node.index != index:
            break
        num += 1
    return num


def _shut(nodes: Iterable[_Node], next_id: int) -> None:
    for node in nodes:
        node.sibling = next_id


def _fill_places(tree: Sequence[_Node]) -> None:
    """Give the mean of its children to a node without a place, else its parent's."""
    sums: dict[int, tuple[float, float, int]] = {}
    for node in reversed(tree):  # children come after their parents
        if node.lon == NO_DEGREES and node.id in sums:
            lon, lat, num = sums.pop(node.id)
            node.lon, node.lat = lon / num, lat / num
        if node.lon != NO_DEGREES:
            lon, lat, num = sums.get(node.parent, (0.0, 0.0, 0))
            sums[node.parent] = lon + node.lon, lat + node.lat, num + 1
    for node in tree:
        if node.lon == NO_DEGREES:
            node.lon, node.lat = tree[node.parent].lon, tree[node.parent].lat


def _record(node: _Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "name": node.name,
        "nameIndex": node.index,
        "x": node.lon,
        "y": node.lat,
        "level": node.level,
        "priority": 0,
        "note": TOWN_NOTE if node.is_town else "",
        "parentId": node.parent,
        "siblingId": node.sibling,
    }


def _fill(table: Any, rows: Iterable[Mapping[str, Any]], *, index: str = "") -> None:  # noqa: ANN401 - jageocoder is untyped
    """Create a table of jageocoder with its rows, and close its file."""
    table.create()
    table.append_records(rows)
    if index:
        table.create_trie_on(index)
    table.get_conn().close()
    table.conn = None


def _labels(tree: Sequence[_Node], finest: int, converter: Any) -> dict[str, list[int]]:  # noqa: ANN401 - jageocoder is untyped
    """Spellings with which an address may begin, each with the nodes that it names."""
    labels: dict[str, dict[int, None]] = {}
    for node in tree[1:]:
        if node.level > finest:
            continue
        path = _upwards(tree, node)
        for names in _beginnings(path):
            label = converter.standardize("".join(names))
            labels.setdefault(label, {})[node.id] = None
        for short in converter.standardized_candidates(node.index):
            if short:  # 中島 for 中之島
                labels.setdefault(short, {})[node.id] = None
    return {label: list(labels[label]) for label in sorted(labels)}


def _upwards(tree: Sequence[_Node], node: _Node) -> list[_Node]:
    path = [node]
    while path[0].parent:
        path.insert(0, tree[path[0].parent])
    return path


def _beginnings(path: Sequence[_Node]) -> Iterator[list[str]]:
    """Every end of the path, also with the county or the ward left out."""
    for left_out in (None, COUNTY, WARD):
        kept = [node for node in path if node.level != left_out or node is path[-1]]
        for start in range(len(kept)):
            yield [node.name for node in kept[start:]]


def _write_labels(folder: Path, labels: Mapping[str, list[int]]) -> None:
    from jageocoder.trie import AddressTrie, TrieNode  # noqa: PLC0415 - heavy, optional

    trie = AddressTrie(folder / TRIE_FILE, dict.fromkeys(labels))
    trie.save()
    by_id = {trie.get_id(label): ids for label, ids in labels.items()}
    rows = ({"id": trie_id, "nodes": by_id[trie_id]} for trie_id in sorted(by_id))
    _fill(TrieNode(db_dir=folder), rows)
