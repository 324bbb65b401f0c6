"""The voices' desk and the library of examples of a city, wired together."""

from __future__ import annotations

from collections.abc import Sequence

from dispatch.adapters.database import Database
from dispatch.adapters.example_store import SqlExamples
from dispatch.adapters.voice_store import SqlVoices
from dispatch.chart_opening import Intake
from dispatch.domain.consultation import Consultation
from dispatch.domain.reporter import Reporter
from dispatch.example_desk import ExampleDesk, ExampleTools
from dispatch.intake import IntakeDesk
from dispatch.ports import AddedChart, Charts, Clock
from dispatch.vault_desk import Mask, VaultDesk
from dispatch.voice_desk import VoiceDesk, VoiceRules
from geodata.areas import areas_on
from geodata.bundle.store import Bundle
from geodata.city import CityProfile
from geodata.desk_tables import read_triage


def voice_desk(
    profile: CityProfile,
    bundle: Bundle,
    voices: SqlVoices,
    intake: IntakeDesk,
    clock: Clock,
) -> VoiceDesk:
    """Make the desk that takes voices in through the reception desk."""

    def received(
        said: Sequence[tuple[Consultation, Reporter]], who: str
    ) -> list[AddedChart]:
        intakes = [Intake(consultation=one, reporter=person) for one, person in said]
        return intake.receive_all(intakes, who=who)

    def district_wards() -> dict[str, str]:
        day = clock.now().astimezone(profile.timezone).date()
        return {one.id: one.ward_code for one in areas_on(bundle, day).districts}

    triage = read_triage(profile.folder, profile.catalogue)
    return VoiceDesk(
        voices,
        received,
        clock,
        VoiceRules(
            catalogue=profile.catalogue,
            ward_names={ward.code: ward.name for ward in profile.wards},
            district_wards=district_wards,
            timezone=profile.timezone,
            unclear_codes=frozenset(triage.unclear_codes),
        ),
    )


def example_desk(
    profile: CityProfile,
    engine: Database,
    charts: Charts,
    people: VaultDesk,
    clock: Clock,
) -> ExampleDesk:
    """Make the desk of the library; nobody's own words get into it."""

    def mask_of(chart_id: str) -> Mask:
        return people.masks([chart_id])[chart_id]

    return ExampleDesk(
        ExampleTools(
            charts=charts,
            examples=SqlExamples(engine),
            clock=clock,
            catalogue=profile.catalogue,
            mask_of=mask_of,
        )
    )
