"""A bundle opened for reading: layers, coverage and what must be shown with them."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import shapely

from dispatch.domain.errors import InvalidInputError, NotFoundError, SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.city_file import (
    SqlRow,
    TownKey,
    area_of,
    asset_of,
    crossing_of,
    facility_of,
    jurisdiction_of,
    school_of,
    town_of,
)
from geodata.bundle.manifest import (
    BUILD_AGAIN,
    CITY_FILE,
    SECOND_FOLDER,
    BundleManifest,
    read_manifest,
    wrong_sizes,
)
from geodata.bundle.names import asset_key
from geodata.bundle.radii import block_radius_m
from geodata.bundle.records import (
    AreaRecord,
    AssetRecord,
    BlockRecord,
    CrossingRecord,
    FacilityRecord,
    JurisdictionRecord,
    Layer,
    SchoolRecord,
    TownRecord,
)

KEPT_BLOCKS = 4096  # of blocks whose house numbers stay in memory: some 10 MB
_DAMAGES = (
    *(sqlite3.Error, shapely.GEOSException, InvalidInputError),
    *(ValueError, KeyError, TypeError),
)
T = TypeVar("T")


def open_bundle(folder: Path) -> Bundle:
    """
    Open a bundle for reading; nothing of it is loaded before it is asked for.

    Raises
    ------
    SourceError
        When the folder is not a bundle, is damaged, or of another format; says what to
        do.
    """
    manifest = read_manifest(folder)
    broken = wrong_sizes(folder, manifest)
    if CITY_FILE not in manifest.files:
        broken.append(CITY_FILE)
    if broken:
        message = f"{folder}: damaged: {', '.join(broken)}; {BUILD_AGAIN}"
        raise SourceError(message)
    return Bundle(folder, manifest)


class Bundle:
    """
    City data, read-only; every method may be called from any thread.

    Sequences and mappings are read once and then shared: do not change them.

    Parameters
    ----------
    folder
        Folder of the bundle.
    manifest
        Its record.

    Raises
    ------
    SourceError
        From any method, when the city file is damaged or the bundle is closed.
    """

    def __init__(self, folder: Path, manifest: BundleManifest) -> None:
        self.folder = folder
        self.manifest = manifest
        # One connection behind a lock. A connection per thread would be opened by
        # path, and after the bundle is replaced a new thread would read another city
        # file than the others. A query takes some 20 microseconds.
        self._lock = threading.RLock()
        self._is_closed = False
        self._base = _connect(folder)
        self._loaded: dict[str, Any] = {}
        self._houses_of = lru_cache(maxsize=KEPT_BLOCKS)(self._read_houses)

    def close(self) -> None:
        """Release the city file; the bundle cannot be asked any more."""
        with self._lock:
            self._is_closed = True
            self._base.close()

    @property
    def dictionary_dir(self) -> Path | None:
        """Folder of the second engine's dictionary; None in a bundle without towns."""
        folder = self.folder / SECOND_FOLDER
        return folder if folder.is_dir() else None

    @property
    def shown_texts(self) -> tuple[str, ...]:
        """What must be shown with the data: each sentence once, in order of sources."""
        texts = (s.shown_text for s in self.manifest.sources if s.num_kept)
        return tuple(dict.fromkeys(text for text in texts if text))

    def is_approximate(self, layer: Layer) -> bool:
        """Whether any shape of a layer is an estimate, which must be said."""
        return self.manifest.is_approximate(layer)

    def is_complete(self, layer: Layer, ward_code: str) -> bool:
        """
        Whether what is not in the data of a ward does not exist.

        So it is when a source that is not partial gave records in the ward.
        """
        return any(
            not source.is_partial and source.num_by_ward.get(ward_code, 0) > 0
            for source in self.manifest.sources_of(layer)
        )

    def towns(self) -> tuple[TownRecord, ...]:
        """Every town (町丁目), in the order of the sources."""
        return self._once("towns", lambda: tuple(map(town_of, self._all("towns"))))

    def radius_m(self, ward_code: str, town: str) -> int:
        """
        Radius of a town (町丁目) in metres.

        Raises
        ------
        NotFoundError
            When there is no such town.
        """
        radius = self._radii().get((ward_code, town))
        if radius is None:
            raise NotFoundError("town", f"{ward_code} {town}")
        return radius

    def block_radius_m(self, block: BlockRecord) -> int:
        """Radius of a block in metres, by what its place was made from."""
        return block_radius_m(block, self.radius_m(block.ward_code, block.town))

    def blocks(self) -> Mapping[TownKey, Mapping[str, BlockRecord]]:
        """Blocks of each town that has any: (ward code, town) to block to record."""
        return self._once("blocks", self._read_blocks)

    def houses_of(self, ward_code: str, town: str, block: str) -> Mapping[str, LonLat]:
        """House numbers of a block and where they are; empty when none is known."""
        town_id = self._town_ids().get((ward_code, town))
        return _NO_HOUSES if town_id is None else self._houses_of(town_id, block)

    def facilities(self) -> tuple[FacilityRecord, ...]:
        """Things with a name and a place, in the order of the sources."""
        return self._once(
            "facilities", lambda: tuple(map(facility_of, self._all("facilities")))
        )

    def schools(self) -> tuple[SchoolRecord, ...]:
        """Municipal elementary schools, in the order of the sources."""
        return self._once(
            "schools", lambda: tuple(map(school_of, self._all("schools")))
        )

    def asset(self, kind: str, key: str) -> tuple[AssetRecord, ...]:
        """
        Numbered things of a kind with exactly this number.

        Parameters
        ----------
        kind
            street_lamp, pole, manhole or mirror.
        key
            Full-width and small letters are read as ASCII capitals; nothing else of
            it is changed.
        """
        query = "SELECT * FROM assets WHERE kind = ? AND key = ?"
        return tuple(map(asset_of, self._rows(query, (kind, asset_key(key)))))

    def crossings(self) -> tuple[CrossingRecord, ...]:
        """Where two roads with names cross."""
        return self._once(
            "crossings", lambda: tuple(map(crossing_of, self._all("crossings")))
        )

    def areas(self, layer: Layer, on: dt.date | None = None) -> tuple[AreaRecord, ...]:
        """
        Areas of a layer, prepared for fast tests of points.

        Parameters
        ----------
        layer
            Wards, districts or communities.
        on
            Day on which they hold; None for those of all times.
        """
        areas = self._once(f"areas {layer}", lambda: self._read_areas(layer))
        return areas if on is None else tuple(a for a in areas if a.holds_on(on))

    def jurisdictions(self) -> tuple[JurisdictionRecord, ...]:
        """Which works office each ward belongs to, and when."""
        return self._once(
            "jurisdictions",
            lambda: tuple(map(jurisdiction_of, self._all("jurisdictions"))),
        )

    def _radii(self) -> Mapping[TownKey, int]:
        return self._once(
            "radii",
            lambda: self._by_town("SELECT ward_code, name, radius_m FROM towns"),
        )

    def _town_ids(self) -> Mapping[TownKey, int]:
        return self._once(
            "town ids", lambda: self._by_town("SELECT ward_code, name, id FROM towns")
        )

    def _by_town(self, query: str) -> Mapping[TownKey, int]:
        return {(code, name): value for code, name, value in self._rows(query)}

    def _read_blocks(self) -> Mapping[TownKey, Mapping[str, BlockRecord]]:
        key_of = {town_id: key for key, town_id in self._town_ids().items()}
        found: defaultdict[TownKey, dict[str, BlockRecord]] = defaultdict(dict)
        for town_id, block, lon, lat, num_points in self._all("blocks"):
            code, town = key = key_of[town_id]
            found[key][block] = BlockRecord(
                ward_code=code,
                town=town,
                block=block,
                place=LonLat(lon, lat),
                num_points=num_points,
            )
        return MappingProxyType(dict(found))

    def _read_houses(self, town_id: int, block: str) -> Mapping[str, LonLat]:
        query = "SELECT number, lon, lat FROM houses WHERE town_id = ? AND block = ?"
        return MappingProxyType(
            {
                number: LonLat(lon, lat)
                for number, lon, lat in self._rows(query, (town_id, block))
            }
        )

    def _read_areas(self, layer: Layer) -> tuple[AreaRecord, ...]:
        query = "SELECT * FROM areas WHERE layer = ? ORDER BY rowid"
        areas = tuple(map(area_of, self._rows(query, (layer.value,))))
        shapely.prepare([area.geometry for area in areas])
        return areas

    def _once(self, name: str, read: Callable[[], T]) -> T:
        """Read at the first call; later ones, of any thread, share what it gave."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._guarded(read)
            found: T = self._loaded[name]
        return found

    def _all(self, table: str) -> list[SqlRow]:
        return self._rows(f"SELECT * FROM {table}")  # noqa: S608 - names of this module

    def _rows(self, query: str, values: SqlRow = ()) -> list[SqlRow]:
        with self._lock:
            return self._guarded(lambda: self._base.execute(query, values).fetchall())

    def _guarded(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except _DAMAGES as error:
            if self._is_closed:
                message = f"{self.folder}: these city data are closed; open them again"
                raise SourceError(message) from error
            file = self.folder / CITY_FILE
            message = f"{file}: cannot be read ({error}); {BUILD_AGAIN}"
            raise SourceError(message) from error


_NO_HOUSES: Mapping[str, LonLat] = MappingProxyType({})


def _connect(folder: Path) -> sqlite3.Connection:
    # Immutable: the file is never written, so nobody locks it or looks for a journal.
    address = (folder / CITY_FILE).resolve().as_uri() + "?mode=ro&immutable=1"
    try:
        base = sqlite3.connect(address, uri=True, check_same_thread=False)
    except sqlite3.Error as error:
        message = f"{folder / CITY_FILE}: cannot be opened ({error}); {BUILD_AGAIN}"
        raise SourceError(message) from error
    try:
        base.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        base.close()
        message = f"{folder / CITY_FILE}: cannot be read ({error}); {BUILD_AGAIN}"
        raise SourceError(message) from error
    return base
