"""Configuration of a bundle: everything said, or a sentence that says what is not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.domain.errors import SourceError
from geodata.bundle.build import all_formats
from geodata.bundle.config import read_config
from geodata.bundle.manifest import Purpose
from geodata.bundle.records import Layer

REPO = Path(__file__).parents[3]
SHIPPED = (
    REPO / "geodata" / "osaka" / "bundle.toml",
    REPO / "geodata" / "boston" / "bundle.toml",
    REPO / "tests" / "data" / "osaka_shared.toml",
)
HEAD = 'city = "osaka"\npurpose = "production"\n'
SOURCE = """
[[source]]
id = "towns"
layer = "towns"
format = "geolonia_csv"
file = "towns.csv"
title = "町丁目"
publisher = "Geolonia"
licence = "CC BY 4.0"
date = "2024"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "bundle.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_key_arrives_where_readers_look_for_it(tmp_path: Path) -> None:
    more = f"""
attribution = "© G"
url = "https://example.org/t.csv"
shown_text = "出典: G"
sha256 = "{"ab" * 32}"
encoding = "cp932"
partial = true
approximate = true
optional = true
valid_from = 2024-04-01
valid_to = 2025-03-31
[source.columns]
name = "町名"
[source.options]
positions = "pos.csv"
member = "a.csv"
"""
    config = read_config(written(tmp_path, HEAD + SOURCE + more))
    assert (config.city, config.purpose) == ("osaka", Purpose.PRODUCTION)
    (source,) = config.sources
    assert source.layer is Layer.TOWNS
    assert source.file == tmp_path / "towns.csv"
    assert (source.attribution, source.shown_text) == ("© G", "出典: G")
    assert source.url == "https://example.org/t.csv"
    assert (source.sha256, source.encoding) == ("ab" * 32, "cp932")
    assert source.is_partial
    assert source.is_approximate
    assert source.is_optional
    assert not source.is_synthetic
    assert source.valid_from == dt.date(2024, 4, 1)
    assert source.valid_to == dt.date(2025, 3, 31)
    assert dict(source.columns) == {"name": "町名"}
    # A further file is found from the configuration, as the first one is.
    positions = str(tmp_path / "pos.csv")
    assert dict(source.options) == {"positions": positions, "member": "a.csv"}


def test_paths_take_variables_from_the_environment(tmp_path: Path) -> None:
    text = HEAD + SOURCE.replace('"towns.csv"', '"${DATA:-../d}/${PART}.csv"')
    file = written(tmp_path, text)
    config = read_config(file, {"PART": "t"})
    assert config.sources[0].file == tmp_path / "../d/t.csv"
    config = read_config(file, {"PART": "t", "DATA": "/data"})
    assert config.sources[0].file == Path("/data/t.csv")
    with pytest.raises(SourceError, match="source towns: file: the variable PART is"):
        read_config(file, {"PART": ""})


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('city = "osaka"\n', "", "bundle.toml: city: missing"),
        ('"production"', '"demo"', "purpose: not one of production, test"),
        (HEAD, HEAD + "colour = 1\n", "bundle.toml: colour: unknown key"),
        ("[[source]]", "[source]", r"source: write each as a table \[\[source\]\]"),
        ('id = "towns"\n', "", "source number 1: id: missing"),
        ('id = "towns"', 'id = "Towns!"', "id: not small letters"),
        ('layer = "towns"', 'layer = "rivers"', "source towns: layer: not one of"),
        ('format = "geolonia_csv"', 'format = " "', "source towns: format: empty"),
        ('title = "町丁目"\n', "", "source towns: title: missing"),
        ('publisher = "Geolonia"\n', "", "source towns: publisher: missing"),
        ('licence = "CC BY 4.0"', 'licence = ""', "source towns: licence: empty"),
        ('date = "2024"\n', "", "source towns: date: missing"),
        ('date = "2024"', 'dat = "2024"', "source towns: dat: unknown key"),
        ('"towns.csv"', '"${A B}/t.csv"', r"file: write a variable as \$\{NAME\}"),
        ('"towns.csv"', '"a\\u0000b"', "file: write a variable as"),
        ('date = "2024"', 'date = "2024"\nsha256 = "AB"', "sha256: not 64"),
        ('date = "2024"', 'date = "2024"\npartial = "yes"', "partial: missing, or not"),
        ('date = "2024"', 'date = "2024"\nencoding = "x"', "encoding: not a text enc"),
        (
            'date = "2024"',
            'date = "2024"\nvalid_from = 2024-04-01T00:00:00',
            "valid_from: a date without a time",
        ),
        (
            'date = "2024"',
            'date = "2024"\nvalid_from = 2024-04-02\nvalid_to = 2024-04-01',
            "valid_to: before valid_from",
        ),
        (
            'date = "2024"',
            'date = "2024"\n[source.columns]\nname = 1',
            "source towns: columns.name: missing, or not str",
        ),
    ],
)
def test_a_wrong_configuration_is_refused_with_source_and_key(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in HEAD + SOURCE
    file = written(tmp_path, (HEAD + SOURCE).replace(old, new))
    with pytest.raises(SourceError, match=problem):
        read_config(file, {})


def test_two_sources_of_one_id_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + SOURCE + SOURCE)
    with pytest.raises(SourceError, match="source towns: id: used twice"):
        read_config(file, {})


def test_invented_rows_are_for_tests_only(tmp_path: Path) -> None:
    text = HEAD + SOURCE + "synthetic = true\n"
    with pytest.raises(SourceError, match="synthetic: invented rows never enter"):
        read_config(written(tmp_path, text))
    config = read_config(written(tmp_path, text.replace("production", "test")))
    assert config.sources[0].is_synthetic


def test_a_configuration_without_sources_has_none(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, HEAD)).sources == ()


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.parent.name)
def test_shipped_configurations_name_known_formats_and_real_data(file: Path) -> None:
    config = read_config(file, {})
    formats = all_formats()
    assert config.purpose is Purpose.PRODUCTION
    for source in config.sources:
        assert source.layer in formats[source.format].layers
        assert formats[source.format].needs_file == (source.file is not None)
        assert not source.is_synthetic


def test_points_for_measurement_are_in_no_configuration() -> None:
    # What measures the geocoder must not be what it knows.
    for file in SHIPPED:
        names = [
            source.file.name for source in read_config(file).sources if source.file
        ]
        assert "osaka_address_points_dev.csv" not in names


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.mktemp("config") / "bundle.toml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(SourceError, match=r"bundle\.toml"):
        read_config(file, {})
