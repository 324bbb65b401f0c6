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
_HOLDS_ADDRESS = re.compile(r"[0-9](?:丁目|番(?![出のホ]|線|口)|-[0-9])")
_ELSEWHERE = "別の区か市の名前も書かれています。場所を確かめてください。"
_FAR_ASSET = "番号のものと、書かれた区か住所が離れています。"
_NAMESAKE = "同じ名前の町と施設が別の区にあります。確かめてください。"
_UNSURE_LANDMARK = "目標物の後に住所のような言葉があります。確かめてください。"
MIN_ELSEWHERE = 2  # letters of the shortest name of a ward or city
_FULL = frozenset({PlaceLevel.HOUSE, PlaceLevel.BLOCK, PlaceLevel.CHOME})


class SecondOpinion(Protocol):
    """The second engine, as far as it is asked here."""

    def ask(self, text: str) -> SecondAnswer:
        """Say where the address at the beginning of a text is; never raises."""
        ...

    def warm(self) -> None:
        """Load what the first question would wait for."""
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
            return self._alone(_related(address))
        ward = self._ward_of(text, stated_ward)
        asset = self._asset(words or text, address, ward)
        if asset is not None:
            return asset
        found = self._with_landmark(address, text, words, ward)
        if self.second is not None and text.strip() and needs_second(found):
            is_named = self.address_book.named_ward(text) is not None
            asked = text if is_named else self.address_book.ward_name(ward) + text
            found = agreed(found, self.second.ask(asked), self.address_book.option)
        return self._alone(_related(found) if found.level in _FULL else found)

    def _ward_of(self, text: str, stated_ward: str) -> str:
        """Code of the ward that is stated, else of the one that the text names."""
        stated = self.address_book.ward_code(stated_ward) if stated_ward.strip() else ""
        return stated or self.address_book.named_ward(text) or ""

    def _alone(self, found: Placement) -> Placement:
        """Ask a person when another ward or city stands behind the place."""
        if found.status is not PlacingStatus.OK or len(found.rest) < MIN_ELSEWHERE:
            return found
        others = self.address_book.elsewhere(found.rest, found.ward_code)
        if others is None:
            return found
        own = option_from(found)
        status = PlacingStatus.AMBIGUOUS if others else PlacingStatus.CONFLICT
        options = (*([own] if own else []), *others)
        return _without_place(status, _ELSEWHERE, options)

    def _asset(self, text: str, address: Placement, ward: str) -> Placement | None:
        """Find a numbered thing; its ward and the address beside it must agree."""
        is_final = address.status in {PlacingStatus.OUTSIDE, PlacingStatus.CONFLICT}
        if self.assets is None or is_final or read_asset_text(text) is None:
            return None
        found = find_asset(text, self.assets)
        if not found.candidates:
            return None
        own = option_from(address)
        fits = [
            one
            for one in found.candidates
            if (not ward or one.ward_code in ("", ward))
            and (own is None or self._is_by(own, one))
        ]
        if not fits:
            options = (*([own] if own else []), *found.candidates)
            return _without_place(PlacingStatus.CONFLICT, _FAR_ASSET, options)
        if len(fits) > 1:
            several = _placement(found, ASSETS)
            return replace(several, candidates=tuple(fits[:MAX_CANDIDATES]))
        return replace(
            _placement(found, ASSETS),
            status=PlacingStatus.OK,
            message="番号から特定しました。",
            level=fits[0].level,
            place=fits[0].place,
            radius_m=fits[0].radius_m,
            ward_code=fits[0].ward_code or ward,
            landmark=fits[0].landmark,
            candidates=(),
        )

    def _is_by(self, own: Candidate, other: Candidate) -> bool:
        reach_m = max(self.agreement_m, own.radius_m)
        return great_circle_m(own.place, other.place) <= reach_m

    def _with_landmark(
        self, address: Placement, text: str, words: str, ward: str
    ) -> Placement:
        has_words = bool(words.strip())
        if address.status is PlacingStatus.CONFLICT:
            return self._in_stated_ward(address, text, ward)
        is_ward_alone = address.level is PlaceLevel.WARD and not has_words
        if address.status is PlacingStatus.OUTSIDE or is_ward_alone:
            return address
        if not address.is_placed:
            return self._instead(address, text, words or text, ward)
        if has_words:
            return self._refined(address, self.landmarks.find(words))
        if address.rest:
            return self._finer(address, text, ward)
        return address if ward else self._namesake(address, text)

    def _in_stated_ward(self, address: Placement, text: str, ward: str) -> Placement:
        """Take a landmark of the stated ward whose name begins as a town elsewhere."""
        if not ward or _ends_in_numbers(text):
            return address
        mark = self.landmarks.find(text, ward_code=ward, is_exact=True)
        is_there = mark.status is PlacingStatus.OK and not _is_only_a_town(
            mark, address
        )
        return _placement(mark, LANDMARKS) if is_there else address

    def _namesake(self, address: Placement, text: str) -> Placement:
        """Ask when a bare town is also the name of a thing in another ward: 森ノ宮."""
        if address.level is not PlaceLevel.OAZA:
            return address
        mark = self.landmarks.find(text)
        own, words = option_from(address), folded(normalised(text))
        others = [
            one
            for one in mark.candidates
            if one.ward_code != address.ward_code
            and folded(normalised(one.landmark)) == words
        ]
        if own is None or not others:
            # Things that are called so in the town's own ward are told, not asked.
            return replace(address, candidates=mark.candidates[:MAX_CANDIDATES])
        options = (own, *others)
        return _without_place(PlacingStatus.AMBIGUOUS, _NAMESAKE, options)

    def _finer(self, address: Placement, text: str, ward: str) -> Placement:
        """Take a landmark whose name begins with the town: 大阪城公園 in 大阪城."""
        mark = self.landmarks.find(text, ward_code=ward, is_exact=True)
        if not mark.candidates or not _says_more(mark, address):
            return address
        if mark.status is PlacingStatus.AMBIGUOUS:
            return _placement(mark, LANDMARKS)
        if mark.status is not PlacingStatus.OK:
            return address
        return self._refined(address, mark) if self._agrees(address, mark) else address

    def _instead(
        self, address: Placement, text: str, words: str, ward: str
    ) -> Placement:
        """Let a landmark answer where the address gave nothing, or several places."""
        # An address with its numbers is no landmark's misspelt name.
        is_address = address.status in {PlacingStatus.AMBIGUOUS, PlacingStatus.FUZZY}
        is_exact = is_address and _ends_in_numbers(text)
        mark = self.landmarks.find(words, ward_code=ward, is_exact=is_exact)
        if mark.status is PlacingStatus.NOT_FOUND and words != text:
            mark = self.landmarks.find(text, ward_code=ward)
        if mark.status is PlacingStatus.NOT_FOUND:
            return address if text.strip() else _placement(mark, LANDMARKS)
        if mark.status is PlacingStatus.FUZZY:
            return _both_fuzzy(address, mark)
        if mark.place is not None and _HOLDS_ADDRESS.search(mark.rest):
            # 大淀中の3丁目 is no 大淀中学校, 西中の島2-6 no 西中学校.
            return _both_fuzzy(address, replace(mark, message=_UNSURE_LANDMARK))
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
            engines=(*address.engines, f"{LANDMARKS}:{mark.status}"),
        )

    def _agrees(self, address: Placement, mark: LandmarkAnswer) -> bool:
        own = option_from(address)
        return own is not None and self._agree(own, mark.candidates[:1])

    def _agree(self, option: Candidate, others: Sequence[Candidate]) -> bool:
        return any(
            option.ward_code == other.ward_code and self._is_by(option, other)
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
    """Offer near names of towns and of landmarks together, landmarks first."""
    if address.status is PlacingStatus.AMBIGUOUS and len(address.candidates) > 1:
        return address
    options = (*mark.candidates, *address.candidates)
    return replace(
        address,
        status=PlacingStatus.FUZZY,
        message=mark.message,
        candidates=options[:MAX_CANDIDATES],
        engines=(*address.engines, f"{LANDMARKS}:{mark.status}"),
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
            engines=(f"{engine}:{mark.status}",),
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
        engines=(f"{engine}:{mark.status}",),
    )


def _without_place(
    status: PlacingStatus, message: str, options: tuple[Candidate, ...] = ()
) -> Placement:
    return Placement(
        status=status,
        message=message,
        candidates=options[:MAX_CANDIDATES],
        engines=(f"gazetteer, {LANDMARKS}:{status}",),
    )
