"""Placing (位置の特定): where a consultation is, how sure, and what else it may be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dispatch.domain.place import LonLat


class PlacingStatus(StrEnum):
    """Outcome of placing an address."""

    OK = "ok"
    AMBIGUOUS = "ambiguous"  # several places fit
    CONFLICT = "conflict"  # the stated ward and the town disagree
    FUZZY = "fuzzy"  # a near spelling: offered, never taken by itself
    OUTSIDE = "outside"  # another municipality
    NOT_FOUND = "not_found"


class PlaceLevel(StrEnum):
    """How fine the position is."""

    COORDINATE = "coordinate"  # given by the sender or a dispatcher
    LANDMARK = "landmark"
    ASSET = "asset"  # a street lamp, pole, manhole or mirror by its number
    HOUSE = "house"  # 号
    BLOCK = "block"  # 番
    CHOME = "chome"  # 丁目, or a town without one
    OAZA = "oaza"  # 大字・町: all its 丁目
    WARD = "ward"


class PlacingWarning(StrEnum):
    """What a person should know about an answer; sentences are in the wording."""

    SWAPPED = "swapped"  # latitude and longitude were the wrong way round: corrected
    OLD_DATUM = "old_datum_suspected"  # 日本測地系? suggested, never applied
    COARSE_NUMBERS = "coarse_coordinate"  # few decimals
    BLOCK_UNKNOWN = "block_not_in_data"  # 番 is written but not in the data
    NUMBER_UNKNOWN = "number_not_in_data"  # 号 is written but not in the data
    RANGE = "range"  # several places or a stretch are written
    FIRST_OF_LIST = "first_of_list"
    DOUBLED_TOWN = "doubled_town"  # 横堤横堤5-3: read once
    DROPPED_TOWN_WORD = "dropped_town_word"  # 茶臼山 for 茶臼山町
    WARD_INFERRED = "ward_inferred"  # no ward is written; the town is in one only
    RELATION = "relation"  # 南側, 向かい …: the point was moved or widened
    NEAR_BORDER = "near_border"  # another ward or district is nearer than the radius
    DISTRICT_UNSURE = "district_unsure"  # the radius reaches into another 校区
    ENGINES_DIFFER = "engines_differ"
    SETTLED_BY_PERSON = "settled_by_person"  # from the local gazetteer


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """
    One place that the text may mean.

    `town` is the official name without the ward; `block` and `number` are in ASCII.
    """

    label: str
    place: LonLat
    level: PlaceLevel
    radius_m: int
    ward_code: str
    town: str = ""
    block: str = ""
    number: str = ""
    landmark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """
    What placing found.

    `radius_m` is how far the true place may lie; `rest` is what of the text was not
    used (付近 …). Only `ok` has a place; the others go to a person. `town` is ward and
    official town in one; `block` (番) and `number` (号) are what the text says, in
    ASCII: `level` tells how much of it the data know. `municipality` names the other
    city or town of an `outside`. `neighbour_ward` is the code of another ward
    nearer than the radius. `engines` says who answered what (`gazetteer:ok`).
    """

    status: PlacingStatus
    message: str
    level: PlaceLevel | None = None
    place: LonLat | None = None
    radius_m: int | None = None
    ward_code: str = ""
    town: str = ""
    district_id: str = ""
    matched_text: str = ""
    rest: str = ""
    candidates: tuple[Candidate, ...] = ()
    block: str = ""
    number: str = ""
    landmark: str = ""
    municipality: str = ""
    warnings: tuple[PlacingWarning, ...] = ()
    engines: tuple[str, ...] = ()
    neighbour_ward: str = ""

    def in_areas(
        self,
        *,
        ward_code: str,
        district_id: str,
        neighbour_ward: str,
        warnings: tuple[PlacingWarning, ...],
    ) -> Placement:
        """
        Give the same answer with its ward and school district.

        Written out, because it is done for every address of a list: a third of the
        time of `dataclasses.replace`.
        """
        return Placement(
            status=self.status,
            message=self.message,
            level=self.level,
            place=self.place,
            radius_m=self.radius_m,
            ward_code=ward_code,
            town=self.town,
            district_id=district_id,
            matched_text=self.matched_text,
            rest=self.rest,
            candidates=self.candidates,
            block=self.block,
            number=self.number,
            landmark=self.landmark,
            municipality=self.municipality,
            warnings=warnings,
            engines=self.engines,
            neighbour_ward=neighbour_ward,
        )

    @property
    def is_placed(self) -> bool:
        """
        Whether the consultation may be shown on a map and planned.

        The middle of a ward is an answer, but no place that a crew can go to.
        """
        is_fine_enough = self.level is not PlaceLevel.WARD
        return (
            self.status is PlacingStatus.OK
            and self.place is not None
            and (is_fine_enough)
        )
