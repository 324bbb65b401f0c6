"""Where a synthetic consultation is, spelled as people and systems spell places."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dispatch.domain.errors import SourceError
from dispatch.domain.place import LonLat
from geodata.bundle.records import TownRecord
from geodata.city import CityProfile, School
from geodata.tables import Settings

STATED_WARD_SHARE = 0.2  # of addresses that name the ward already
FULL_WIDTH_SHARE = 0.25
JITTER_DEG = 0.0006  # some 60 m: inside the town whose point is given
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
PLACE_SHARES: Mapping[str, float] = {
    "address": 0.855,
    "town_only": 0.025,  # without its 丁目
    "landmark": 0.06,
    "vague": 0.01,
    "bare_name": 0.01,  # a name that two wards have, and no ward
    "wrong_ward": 0.01,
    "exact": 0.03,  # coordinates
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCity:
    """What places are drawn from; `towns` are by ward."""

    profile: CityProfile
    rng: random.Random
    phrases: Settings
    schools: Sequence[School]
    towns: Mapping[str, Sequence[TownRecord]]
    wards_of_oaza: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlace:
    """What is said about a place, part by part."""

    address_text: str = ""
    landmark_text: str = ""
    position: LonLat | None = None
    stated_ward: str = ""


def demo_place(city: DemoCity, *, is_personal: bool) -> DemoPlace:
    """Say a place as people do, or as a system does."""
    rng, words = city.rng, city.phrases.section("places")
    if is_personal:
        return _address(city, _town(city), "person")
    kind = rng.choices(tuple(PLACE_SHARES), tuple(PLACE_SHARES.values()))[0]
    town = _town(city)
    ward = city.profile.ward_by_code(town.ward_code).name
    if kind == "exact":
        lon, lat = (
            round(degrees + rng.uniform(-JITTER_DEG, JITTER_DEG), 6)
            for degrees in (town.place.lon, town.place.lat)
        )
        return DemoPlace(position=LonLat(lon, lat), stated_ward=rng.choice(("", ward)))
    if kind == "landmark" and city.schools:
        school = rng.choice(city.schools)
        ward = city.profile.ward_by_code(school.ward_code).name
        text = school.short_name + rng.choice(texts_of(words, "relations"))
        return DemoPlace(landmark_text=text, stated_ward=rng.choice(("", ward, ward)))
    if kind == "vague":
        text = rng.choice(texts_of(words, "vague"))
        return DemoPlace(landmark_text=text, stated_ward=rng.choice(("", ward)))
    shared = [oaza for oaza, wards in city.wards_of_oaza.items() if len(wards) > 1]
    if kind == "bare_name" and shared:
        pattern = rng.choice(texts_of(words, "bare_name"))
        return DemoPlace(
            address_text=_filled(city, pattern, town, oaza=rng.choice(shared))
        )
    return _address(city, town, kind)


def _address(city: DemoCity, town: TownRecord, kind: str) -> DemoPlace:
    """Spell an address; a ward that it leaves out is stated beside it."""
    rng, words = city.rng, city.phrases.section("places")
    pattern_list = "without_chome"
    if town.chome:
        pattern_list = "with_chome" if kind not in words.values else kind
    pattern = rng.choice(texts_of(words, pattern_list))
    ward = city.profile.ward_by_code(town.ward_code).name
    stated_ward = (
        ward if "{ward}" not in pattern or rng.random() < STATED_WARD_SHARE else ""
    )
    if kind == "wrong_ward":
        here = city.wards_of_oaza[town.oaza]
        others = [w.name for w in city.profile.wards if w.code not in here]
        return DemoPlace(
            address_text=_filled(city, pattern, town, ward=rng.choice(others or [ward]))
        )
    suffix = "" if kind == "person" else rng.choice(texts_of(words, "suffixes"))
    return DemoPlace(
        address_text=_filled(city, pattern, town, ward=ward) + suffix,
        stated_ward=stated_ward,
    )


def _filled(city: DemoCity, pattern: str, town: TownRecord, **names: str) -> str:
    """Fill a pattern; digits and hyphens vary as they do in what people type."""
    rng, gazetteer = city.rng, city.profile.gazetteer
    fields = {
        "prefecture": gazetteer.prefecture,
        "city": gazetteer.city,
        "town": town.name,
        "oaza": town.oaza,
        "chome": town.chome or 1,
        "ban": rng.randint(1, 25),
        "go": rng.randint(1, 20),
    }
    hyphen = rng.choice(texts_of(city.phrases.section("places"), "hyphens"))
    text = pattern.format_map(fields | names).replace("-", hyphen)
    return text.translate(FULL_WIDTH) if rng.random() < FULL_WIDTH_SHARE else text


def _town(city: DemoCity) -> TownRecord:
    """Draw a town: a ward by its number of schools, a proxy of its people."""
    wards = [school.ward_code for school in city.schools] or list(city.towns)
    return city.rng.choice(city.towns[city.rng.choice(wards)])


def texts_of(section: Settings, key: str) -> tuple[str, ...]:
    """List of texts in the phrases; SourceError when it is none."""
    texts = section.get(key, list)
    if not texts or not all(isinstance(text, str) for text in texts):
        message = f"{section.file}: {section.path}{key}: not a list of texts"
        raise SourceError(message)
    return tuple(texts)
