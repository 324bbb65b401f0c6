"""What the telephone desk's page asks while somebody types, as JSON."""

from __future__ import annotations

from pydantic import BaseModel, Field

from api.schemas import Strict
from api.wiring import Services
from api.wording import LEVEL_TEXT
from dispatch.domain.consultation import MAX_LINE
from dispatch.domain.guide import plain
from dispatch.domain.placing import PlaceLevel, PlacingStatus
from geodata.geocoding.geocoder import PlaceQuery

MAX_SUGGESTIONS = 8


class PlaceTyped(Strict):
    """What of a place has been typed so far."""

    address: str = Field("", max_length=MAX_LINE)
    landmark: str = Field("", max_length=MAX_LINE)

    def to_query(self) -> PlaceQuery:
        """Turn it into a question to the geocoder."""
        return PlaceQuery(address=self.address, landmark=self.landmark)


class PlaceSuggestion(BaseModel):
    """A place that the words may mean; `label` can be typed instead of them."""

    label: str
    note: str


class PlaceAnswer(BaseModel):
    """How far the place is told, in a sentence, and what else may be meant."""

    found: bool
    text: str
    suggestions: list[PlaceSuggestion]


def place_answer(services: Services, typed: PlaceTyped) -> PlaceAnswer:
    """Say what the words typed so far mean; nothing is stored."""
    today = services.clock.now().astimezone(services.profile.timezone).date()
    found = services.geocoder.find(typed.to_query(), on=today)
    suggestions = [
        PlaceSuggestion(
            label=one.label, note=f"{LEVEL_TEXT[one.level]}・約{one.radius_m}m"
        )
        for one in found.candidates
    ]
    fine = found.level not in {None, PlaceLevel.OAZA, PlaceLevel.WARD}
    if not fine:
        suggestions += _towns(services, typed.address)
    text = found.message
    if found.status is PlacingStatus.OK and found.level is not None:
        place = found.landmark or f"{found.town}{_block(found.block, found.number)}"
        text = f"{place or text}({LEVEL_TEXT[found.level]}・約{found.radius_m}m)"
    labels = dict.fromkeys(one.label for one in suggestions)
    notes = {one.label: one.note for one in reversed(suggestions)}
    kept = list(labels)[:MAX_SUGGESTIONS]
    return PlaceAnswer(
        found=found.status is PlacingStatus.OK and fine,
        text=text,
        suggestions=[PlaceSuggestion(label=one, note=notes[one]) for one in kept],
    )


def _block(block: str, number: str) -> str:
    return "-".join(filter(None, (block, number)))


def _towns(services: Services, text: str) -> list[PlaceSuggestion]:
    """Towns whose name begins as it was typed, with the ward or without."""
    wanted = plain(text).replace(" ", "").removeprefix(plain(services.profile.name))
    if not wanted:
        return []
    wards = {ward.code: ward.name for ward in services.profile.wards}
    named = [(wards.get(town.ward_code, ""), town.name) for town in services.towns]
    return [
        PlaceSuggestion(label=ward + name, note="町名")
        for ward, name in named
        if plain(name).startswith(wanted) or plain(ward + name).startswith(wanted)
    ][:MAX_SUGGESTIONS]
