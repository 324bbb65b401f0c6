"""The city's geocoder as the examiner asks it: built from the shared real data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from dispatch.domain.place import LonLat
from dispatch.domain.placing import Placement
from geodata.bundle.build import build_bundle
from geodata.bundle.config import read_config
from geodata.bundle.records import BlockRecord
from geodata.bundle.store import Bundle, open_bundle
from geodata.city import load_city
from geodata.geocoding.address_book import AddressBook
from geodata.geocoding.geocoder import PlaceQuery
from geodata.geocoding.make import make_geocoder
from geodata.towns import municipalities
from tests.geocoding_bars import Ask, Heard, heard
from tests.known_addresses import Held, KnownAddress
from tests.shared_data import REPO, need_shared

TownKey = tuple[str, str]
CONFIG = REPO / "tests" / "data" / "osaka_shared.toml"
NAMED_CASES = REPO / "tests" / "data" / "named_cases.toml"
BUILT_AT = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)


def built_bundle(folder: Path) -> Bundle:
    """Build the bundle of the shared data; the test is skipped loudly without them."""
    need_shared("data/addresses/osaka_towns.csv")
    profile = load_city("osaka")
    build_bundle(read_config(CONFIG), folder, profile=profile, at=BUILT_AT)
    return open_bundle(folder)


def city_ward_names() -> Mapping[str, str]:
    """Names of the city's wards by code."""
    return {ward.code: ward.name for ward in load_city("osaka").wards}


def ask_geocoder(bundle: Bundle, *, national_folder: Path | None = None) -> Ask:
    """Ask the whole geocoder: both engines, landmarks, coordinates."""
    names = city_ward_names()
    geocoder = make_geocoder(
        load_city("osaka"), bundle, national_folder=national_folder
    )

    def ask(text: str) -> Heard:
        return heard(geocoder.find(PlaceQuery(address=text)), names)

    return ask


def answer_many(bundle: Bundle) -> Callable[[Sequence[str]], Sequence[Placement]]:
    """Answer a whole file at once, as the command line does."""
    geocoder = make_geocoder(load_city("osaka"), bundle)
    return lambda texts: geocoder.find_all([PlaceQuery(address=t) for t in texts])


def held_by(bundle: Bundle) -> Held:
    """List what the bundle holds of blocks."""
    return Held(
        blocks=frozenset(
            (code, town, block)
            for (code, town), blocks in bundle.blocks().items()
            for block in blocks
        )
    )


class LeaveOneOut:
    """
    Asks the strict reader with one block taken out of the data.

    The second engine stays out: its dictionary holds all blocks.
    """

    def __init__(self, bundle: Bundle) -> None:
        profile = load_city("osaka")
        self._names = city_ward_names()
        self._data = _OneHidden(bundle)
        self._book = AddressBook(
            self._data,
            wards=profile.wards,
            prefecture=profile.gazetteer.prefecture,
            city=profile.gazetteer.city,
            municipalities=municipalities(profile),
        )

    def without(self, address: KnownAddress) -> Ask:
        """Hide the block of an address, and ask then."""
        town = (address.town.ward_code, address.town.name)
        self._data.shown.hidden = (town, address.block)
        return lambda text: heard(self._book.find(text), self._names)


class _ShownBlocks(Mapping[TownKey, Mapping[str, BlockRecord]]):
    """The blocks of a bundle but one."""

    def __init__(self, blocks: Mapping[TownKey, Mapping[str, BlockRecord]]) -> None:
        self._blocks = blocks
        self.hidden: tuple[TownKey, str] | None = None

    def __getitem__(self, town: TownKey) -> Mapping[str, BlockRecord]:
        blocks = self._blocks[town]
        if self.hidden is None or self.hidden[0] != town:
            return blocks
        return {name: b for name, b in blocks.items() if name != self.hidden[1]}

    def __iter__(self) -> Iterator[TownKey]:
        return iter(self._blocks)

    def __len__(self) -> int:
        return len(self._blocks)


class _OneHidden:
    """A bundle as the reader of addresses sees it, with one block hidden."""

    def __init__(self, bundle: Bundle) -> None:
        self.shown = _ShownBlocks(bundle.blocks())
        self.towns = bundle.towns
        self.radius_m = bundle.radius_m
        self.block_radius_m = bundle.block_radius_m
        self.is_complete = bundle.is_complete

    def blocks(self) -> Mapping[TownKey, Mapping[str, BlockRecord]]:
        """Blocks without the hidden one."""
        return self.shown

    def houses_of(self, ward_code: str, town: str, block: str) -> Mapping[str, LonLat]:
        """No house numbers: the shared data have none."""
        _ = ward_code, town, block
        return {}
