"""Features of a published vector file: their texts, and shapes in degrees."""

from __future__ import annotations

import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import pyogrio  # type: ignore[import-untyped]
import shapely
from shapely.geometry.base import BaseGeometry

from dispatch.domain.errors import SourceError
from dispatch.domain.place import MAX_LAT, MAX_LON
from geodata import crs
from geodata.bundle.made_up import MADE_UP_COLUMNS, is_made_up
from geodata.bundle.reading import SourceConfig
from geodata.city import CityProfile

_SURFACES = frozenset({"Polygon", "MultiPolygon"})
POLYGONS = _SURFACES | {"GeometryCollection"}
POINTS = frozenset({"Point"})
OPTIONS = frozenset({"layer", "member", "epsg"})
FIRST_ROW = 2  # as in a table, whose header is row 1
MAX_UNZIPPED_BYTES = 2_000_000_000  # N03 of the whole country: 0.6 GB unzipped
_SHAPEFILE = ".shp"
_PARTS = (_SHAPEFILE, ".shx", ".dbf", ".prj", ".cpg")
# In the order in which they are taken out of a zip that holds the same thing in several
# forms: GeoJSON comes first because its encoding is certain.
_MEMBERS = (".geojson", ".gpkg", _SHAPEFILE)
# How such a file begins. GDAL goes by the content, not by the name, and some forms that
# it knows are only a reference to other files or addresses: those are never opened.
_BEGINNINGS: Mapping[str, bytes] = {
    ".geojson": b"{",
    ".json": b"{",
    ".gpkg": b"SQLite format 3\x00",
    _SHAPEFILE: b"\x00\x00\x27\x0a",
}
# What zipfile raises: damage, an unknown compression, a password that is wanted.
_ZIP_DAMAGES = (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error),
    *(NotImplementedError, RuntimeError),
)
_BYTES = "ISO-8859-1"  # each byte is one character
_BLANKS = b"\xef\xbb\xbf \t\r\n"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feature:
    """
    One feature of a file; `row` counts as in a table with a header.

    `shape` is two-dimensional, in degrees (lon, lat); None when it is empty, cannot be
    read or lies off the globe, or when the row `is_made_up` and may not be taken.
    """

    row: int
    texts: Mapping[str, str]
    shape: BaseGeometry | None = field(repr=False)
    is_made_up: bool = False

    def first(self, columns: Sequence[str]) -> str:
        """First text among columns that is there and not empty; else an empty one."""
        return next((self.texts[name] for name in columns if self.texts.get(name)), "")


def read_features(
    source: SourceConfig,
    profile: CityProfile,
    *,
    kinds: Collection[str] = POLYGONS,
    columns: Collection[str] = (),
    epsg: int | None = None,
) -> tuple[Feature, ...]:
    """
    Read every feature of a GeoJSON, Shapefile or GeoPackage, zipped or not.

    Parameters
    ----------
    source
        Its `options` may name the `layer` of a GeoPackage, the `member` of a zip and
        the `epsg` of a file that does not say its coordinate system; its `encoding`
        goes above what a Shapefile says of itself.
    profile
        Whose geographic system the shapes are brought to.
    kinds
        Geometry types that are looked for: of a zip, the first member that has one.
    columns
        Columns that must be there.
    epsg
        Coordinate system when neither the file nor the options say one.

    Raises
    ------
    SourceError
        When the file is missing or damaged, of another form, lacks a column or a
        coordinate system, or has no shape of these kinds.
    """
    file = source.file
    if file is None or not file.is_file():
        message = f"source {source.id}: no file {file}"
        raise SourceError(message)
    strange = sorted(set(source.options) - OPTIONS)
    if strange:
        message = f"source {source.id}: options.{strange[0]}: unknown key"
        raise SourceError(message)
    with _unpacked(file, str(source.options.get("member", ""))) as paths:
        for path in paths:
            frame = _read(path, source)
            if frame.geom_type.isin(list(kinds)).any():
                break
        else:
            message = f"{file}: holds no {' or '.join(sorted(kinds))}"
            raise SourceError(message)
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        found = ", ".join(str(name) for name in frame.columns[:-1]) or "none"
        message = f"{file}: no column {', '.join(missing)}; there are: {found}"
        raise SourceError(message)
    degrees = _in_degrees(frame, source, profile, epsg)
    return tuple(_features(degrees, takes_made_up=source.is_synthetic))


def sound_polygon(shape: BaseGeometry | None) -> BaseGeometry | None:
    """
    Polygonal part of a shape, made valid and never simplified; None without one.

    What has no area, such as a line or an empty polygon, has none.
    """
    if shape is None or shape.is_empty:
        return None
    valid = shape if shape.is_valid else shapely.make_valid(shape)
    if valid.geom_type in _SURFACES:
        return valid if valid.area > 0 else None
    parts = [part for part in shapely.get_parts(valid) if part.geom_type in _SURFACES]
    return sound_polygon(shapely.union_all(parts)) if parts else None


def merged(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    """One shape out of the parts of an area; a single part stays as it is."""
    return shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)


@contextmanager
def _unpacked(file: Path, member: str) -> Iterator[list[Path]]:
    """
    Files to try, in order: the file itself, or those of a zip under plain names.

    Names inside published zips are in several encodings, of which GDAL knows one.
    """
    if file.suffix.lower() != ".zip":
        yield [file]
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(file) as archive:
                paths = _extract(archive, file, member, Path(folder))
        except _ZIP_DAMAGES as error:
            message = f"{file}: cannot be unzipped: {error}"
            raise SourceError(message) from error
        yield paths


def _extract(
    archive: zipfile.ZipFile, file: Path, member: str, folder: Path
) -> list[Path]:
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if sum(info.file_size for info in archive.infolist()) > MAX_UNZIPPED_BYTES:
        message = f"{file}: more than {MAX_UNZIPPED_BYTES} bytes unzipped"
        raise SourceError(message)
    wanted = [
        name
        for suffix in _MEMBERS
        for name in sorted(names)
        if name.lower().endswith(suffix) and name.endswith(member)
    ]
    if not wanted:
        message = f"{file}: holds no file *{member} of {', '.join(_MEMBERS)}"
        raise SourceError(message)
    paths = []
    for number, name in enumerate(wanted):
        stem, suffix = name[: name.rindex(".")], name[name.rindex(".") :].lower()
        for other in names:
            ending = other.removeprefix(stem).lower()
            if other == name or (suffix == _SHAPEFILE and ending in _PARTS):
                target = folder / f"{number}{ending}"
                with archive.open(other) as packed, target.open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
        paths.append(folder / f"{number}{suffix}")
    return paths


def _read(path: Path, source: SourceConfig) -> gpd.GeoDataFrame:
    _require_form(path, source)
    encodings = _encodings(path, source)
    try:
        with warnings.catch_warnings():
            # What GDAL warns of (turned or open rings) is mended or refused later.
            warnings.simplefilter("ignore", RuntimeWarning)
            frame = pyogrio.read_dataframe(
                path,
                layer=_layer(path, source),
                encoding=_BYTES if encodings else None,
                force_2d=True,
                on_invalid="ignore",
            )
        if isinstance(frame, gpd.GeoDataFrame):
            return _decoded(frame, encodings) if encodings else frame
    except (RuntimeError, ValueError, LookupError, OSError) as error:
        message = f"{source.file}: cannot be read: {error}"
        raise SourceError(message) from error
    message = f"{source.file}: a table without shapes"
    raise SourceError(message)


def _decoded(frame: gpd.GeoDataFrame, encodings: Sequence[str]) -> gpd.GeoDataFrame:
    """
    Spell texts and column names that were read byte by byte.

    The first encoding that fits all of them counts; GDAL would drop what does not fit,
    and say so only once in a process. The error of the last one tells that none does.
    """

    def spelt(value: object, encoding: str) -> object:
        if not isinstance(value, str):
            return value
        return value.encode(_BYTES).decode(encoding)

    shapes = frame.geometry
    names = [name for name in frame.columns if name != shapes.name]
    problem: Exception = LookupError("no encoding to try")
    for encoding in encodings:
        try:
            columns = {
                spelt(name, encoding): [spelt(one, encoding) for one in frame[name]]
                for name in names
            }
        except UnicodeDecodeError as error:
            problem = error
        else:
            return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=frame.crs)
    raise problem


def _require_form(path: Path, source: SourceConfig) -> None:
    wanted = _BEGINNINGS.get(path.suffix.lower())
    if wanted is None:
        forms = ", ".join((*_BEGINNINGS, ".zip"))
        message = f"{source.file}: not one of {forms}"
        raise SourceError(message)
    with path.open("rb") as stream:
        head = stream.read(64)
    if not (head if len(wanted) > 1 else head.lstrip(_BLANKS)).startswith(wanted):
        message = f"{source.file}: its content is not that of a {path.suffix} file"
        raise SourceError(message)


def _encodings(path: Path, source: SourceConfig) -> tuple[str, ...]:
    """List encodings to try; none for a file that says its own."""
    if path.suffix.lower() != _SHAPEFILE:
        return ()
    if source.encoding:
        return (source.encoding,)
    says = any(path.with_suffix(suffix).exists() for suffix in (".cpg", ".CPG"))
    return () if says else ("UTF-8", "CP932")


def _layer(path: Path, source: SourceConfig) -> str | None:
    named = source.options.get("layer")
    if named is not None:
        return str(named)
    names = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    if len(names) > 1:
        message = f"options.layer: name one of {', '.join(names)}"
        raise ValueError(message)
    return None


def _in_degrees(
    frame: gpd.GeoDataFrame,
    source: SourceConfig,
    profile: CityProfile,
    epsg: int | None,
) -> gpd.GeoDataFrame:
    if frame.crs is None:
        epsg = source.options.get("epsg", epsg)
        if epsg is None:
            message = (
                f"{source.file}: does not say its coordinate system; "
                "give its EPSG number as options.epsg"
            )
            raise SourceError(message)
    try:
        if frame.crs is None:
            frame = frame.set_crs(epsg=epsg)
        return frame.set_geometry(crs.to_degrees(frame.geometry, profile))
    except (RuntimeError, ValueError, TypeError) as error:
        message = f"{source.file}: unknown coordinate system: {error}"
        raise SourceError(message) from error


def _features(frame: gpd.GeoDataFrame, *, takes_made_up: bool) -> Iterator[Feature]:
    names = [str(name) for name in frame.columns if name != frame.geometry.name]
    columns = [frame[name].tolist() for name in names]
    known_marks = frozenset() if takes_made_up else MADE_UP_COLUMNS
    marks = [name for name in names if name.strip().lower() in known_marks]
    for index, shape in enumerate(frame.geometry):
        texts = {
            name: _text(column[index])
            for name, column in zip(names, columns, strict=True)
        }
        made_up = any(is_made_up(texts[name]) for name in marks)
        known = shape if _is_on_globe(shape) and not made_up else None
        yield Feature(
            row=index + FIRST_ROW, texts=texts, shape=known, is_made_up=made_up
        )


def _is_on_globe(shape: BaseGeometry | None) -> bool:
    if shape is None or shape.is_empty:
        return False
    west, south, east, north = shape.bounds  # not numbers: no comparison holds
    return -MAX_LON <= west <= east <= MAX_LON and -MAX_LAT <= south <= north <= MAX_LAT


def _text(value: object) -> str:
    """Text of a property; a code that was read as a number loses its `.0`."""
    if value is None or value != value:  # noqa: PLR0124 - only NaN differs from itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
