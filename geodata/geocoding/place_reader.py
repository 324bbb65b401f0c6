"""What words mean: the address, then a landmark, then the second engine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from dispatch.domain.place import great_circle_m
from dispatch.domain.placing import (
    Candidate,
    PlaceLevel,
    Placement,
    PlacingStatus,
    PlacingWarning,
)
from geodata.address_text import folded, normalised
from geodata.geocoding.address_book import AddressBook
from geodata.geocoding.assets import AssetIndex, find_asset, read_asset_text
from geodata.geocoding.engines import agreed, needs_second, option_from
from geodata.geocoding.landmarks import LandmarkAnswer, LandmarkIndex
from geodata.geocoding.relations import applied, read_relation
from geodata.geocoding.second_engine import SecondAnswer
from geodata.geocoding.town_index import MAX_CANDIDATES

LANDMARKS = "landmarks"
ASSETS = "assets"
_FAR_LANDMARK = "住所と目標物が離れているか、区が違います。"
_NUMBERS_AT_END = re.compile(r"[0-9]-[0-9]+$|[0-9](?:番地?|号|丁目)")
_FULL = frozenset({PlaceLevel.HOUSE, PlaceLevel.BLOCK, PlaceLevel.CHOME})


class SecondOpinion(Protocol):
    """The second engine, as far as it is asked here."""

    def ask(self, text: str) -> SecondAnswer:
        """Say where the address at the beginning of a text is; never raises."""
        ...

    def close(self) -> None:
        """Release its files."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceReader:
    """
    Reads the words that say where something is.

    Parameters
    ----------
    address_book, landmarks
        What addresses and names mean.
    assets
        Ledgers of numbered things; None where the city has none.
    second
        Second engine; None where no dictionary was built.
    agreement_m
        Farthest that two statements about one place may lie apart.
    """

    address_book: AddressBook
    landmarks: LandmarkIndex
    assets: AssetIndex | None = None
    second: SecondOpinion | None = None
    agreement_m: int = 1_500

    def read(self, text: str, *, stated_ward: str = "", words: str = "") -> Placement:
        """
        Say what an address and the words of a landmark mean together.

        Parameters
        ----------
        text
            The address, or all there is.
        stated_ward
            Ward given beside it; never overruled.
        words
            Landmark given beside it.

        Returns
        -------
        Placement
            Without areas. An address that is outside or in conflict is never
            overruled by a landmark.
        """
        address = self.address_book.find(text, stated_ward=stated_ward)
        if address.status is PlacingStatus.OK and address.block and not words:
            return _related(address)
        asset = self._asset(words or text)
        if asset is not None and asset.status is not PlacingStatus.NOT_FOUND:
            return asset
        found = self._with_landmark(address, text, stated_ward, words)
        if self.second is not None and text.strip() and needs_second(found):
            asked = f"{stated_ward}{text}" if stated_ward else text
            found = agreed(found, self.second.ask(asked), self.address_book.option)
        return _related(found) if found.level in _FULL else found

    def _asset(self, text: str) -> Placement | None:
        if self.assets is None or read_asset_text(text) is None:
            return None
        return _placement(find_asset(text, self.assets), ASSETS)

    def _with_landmark(
        self, address: Placement, text: str, stated_ward: str, words: str
    ) -> Placement:
        has_words = bool(words.strip())
        is_final = address.status in {PlacingStatus.OUTSIDE, PlacingStatus.CONFLICT}
        if is_final or (address.level is PlaceLevel.WARD and not has_words):
            return address
        ward = self.address_book.ward_code(stated_ward) if stated_ward.strip() else ""
        if ward is None:
            return address
        ward = ward or self.address_book.named_ward(text) or ""
        if not address.is_placed:
            return self._instead(address, text, words or text, ward)
        if has_words:
            return self._refined(address, self.landmarks.find(words))
        return self._finer(address, text, ward) if address.rest else address

    def _finer(self, address: Placement, text: str, ward: str) -> Placement:
        """Take a landmark whose name begins with the town: 大阪城公園 in 大阪城."""
        mark = self.landmarks.find(text, ward_code=ward, is_exact=True)
        if mark.status is not PlacingStatus.OK or not _says_more(mark, address):
            return address
        return self._refined(address, mark) if self._agrees(address, mark) else address

    def _instead(
        self, address: Placement, text: str, words: str, ward: str
    ) -> Placement:
        """Let a landmark answer where the address gave nothing, or several places."""
        # An ambiguous address, or a misspelt one with its numbers, is no landmark's
        # misspelt name.
        is_exact = address.status is PlacingStatus.AMBIGUOUS or (
            address.status is PlacingStatus.FUZZY and _ends_in_numbers(text)
        )
        mark = self.landmarks.find(words, ward_code=ward, is_exact=is_exact)
        if mark.status is PlacingStatus.NOT_FOUND and words != text:
            mark = self.landmarks.find(text, ward_code=ward)
        if mark.status is PlacingStatus.NOT_FOUND:
            return address if text.strip() else _placement(mark, LANDMARKS)
        if mark.status is PlacingStatus.FUZZY:
            return _both_fuzzy(address, mark)
        if address.status is not PlacingStatus.AMBIGUOUS:
            return _placement(mark, LANDMARKS)
        return self._decided(address, mark)

    def _decided(self, address: Placement, mark: LandmarkAnswer) -> Placement:
        """Let a landmark decide between the places of an ambiguous address."""
        if _is_only_a_town(mark, address):
            return address
        if mark.place is None:
            both = (*mark.candidates, *address.candidates)
            return replace(address, candidates=both[:MAX_CANDIDATES])
        fits = [o for o in address.candidates if self._agree(o, mark.candidates)]
        if len(fits) == 1:
            return _placement(mark, LANDMARKS)
        options = (*address.candidates, *mark.candidates)
        return _without_place(PlacingStatus.CONFLICT, _FAR_LANDMARK, options)

    def _refined(self, address: Placement, mark: LandmarkAnswer) -> Placement:
        """Take the landmark's position when it agrees with the address."""
        own = option_from(address)
        options = mark.candidates
        if own is None or not options or mark.status is PlacingStatus.FUZZY:
            return address
        fits = [option for option in options if self._agree(own, (option,))]
        if len(fits) > 1:
            return address
        if not fits:
            both = (own, *options)
            return _without_place(PlacingStatus.CONFLICT, _FAR_LANDMARK, both)
        place, radius_m = applied(fits[0].place, fits[0].radius_m, mark.relation)
        warnings = (PlacingWarning.RELATION,) if mark.relation else ()
        return replace(
            address,
            message="町名と目標物から特定しました。",
            level=PlaceLevel.LANDMARK,
            place=place,
            radius_m=radius_m,
            landmark=fits[0].landmark,
            warnings=(*address.warnings, *warnings),
            engines=(*address.engines, LANDMARKS),
        )

    def _agrees(self, address: Placement, mark: LandmarkAnswer) -> bool:
        own = option_from(address)
        return own is not None and self._agree(own, mark.candidates[:1])

    def _agree(self, option: Candidate, others: Sequence[Candidate]) -> bool:
        reach_m = max(self.agreement_m, option.radius_m)
        return any(
            option.ward_code == other.ward_code
            and great_circle_m(option.place, other.place) <= reach_m
            for other in others
        )


def _related(found: Placement) -> Placement:
    """Move and widen an address by a word of relation behind it: 7-1-6の南側."""
    relation = read_relation(found.rest) if found.rest else None
    if relation is None or found.place is None or found.radius_m is None:
        return found
    place, radius_m = applied(found.place, found.radius_m, relation)
    warnings = (*found.warnings, PlacingWarning.RELATION)
    return replace(found, place=place, radius_m=radius_m, warnings=warnings)


def _is_only_a_town(mark: LandmarkAnswer, address: Placement) -> bool:
    """Whether the words say no more than the town: 上汐 is no 上汐公園."""
    words = folded(normalised(mark.matched_text))
    return any(folded(option.town) == words for option in address.candidates)


def _ends_in_numbers(text: str) -> bool:
    return _NUMBERS_AT_END.search(normalised(text)) is not None


def _says_more(mark: LandmarkAnswer, address: Placement) -> bool:
    """Whether a landmark's name is more than the town's: not 萩之茶屋 with a park."""
    words = folded(normalised(mark.matched_text))
    return words not in folded(address.matched_text)


def _both_fuzzy(address: Placement, mark: LandmarkAnswer) -> Placement:
    """Offer near names of towns and of landmarks together."""
    if address.status is PlacingStatus.AMBIGUOUS:
        return address
    options = (*address.candidates, *mark.candidates)
    has_towns = address.status is PlacingStatus.FUZZY
    return replace(
        address,
        status=PlacingStatus.FUZZY,
        message=address.message if has_towns else mark.message,
        candidates=options[:MAX_CANDIDATES],
        engines=(*address.engines, LANDMARKS),
    )


def _placement(mark: LandmarkAnswer, engine: str) -> Placement:
    """Tell a landmark's answer as a placement."""
    option = mark.candidates[0] if mark.candidates else None
    if mark.status is not PlacingStatus.OK or option is None:
        return Placement(
            status=mark.status,
            message=mark.message,
            candidates=mark.candidates,
            matched_text=mark.matched_text,
            rest=mark.rest,
            engines=(engine,),
        )
    return Placement(
        status=mark.status,
        message=mark.message,
        level=option.level,
        place=mark.place or option.place,
        radius_m=mark.radius_m or option.radius_m,
        ward_code=option.ward_code,
        matched_text=mark.matched_text,
        rest=mark.rest,
        landmark=option.landmark,
        candidates=(*mark.candidates, *mark.alternatives)[:MAX_CANDIDATES],
        warnings=(PlacingWarning.RELATION,) if mark.relation else (),
        engines=(engine,),
    )


def _without_place(
    status: PlacingStatus, message: str, options: tuple[Candidate, ...] = ()
) -> Placement:
    return Placement(
        status=status,
        message=message,
        candidates=options[:MAX_CANDIDATES],
        engines=("gazetteer", LANDMARKS),
    )
