"""Topics of a call, duplicates and photos of a city, wired together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from api.settings import Settings
from dispatch.adapters.database import Database
from dispatch.adapters.photo_store import PhotoFiles, SqlPhotos, photos_folder_for
from dispatch.adapters.pictures_codec import PictureReader
from dispatch.adapters.related_store import SqlRelated
from dispatch.adapters.sql_store import SqlStore
from dispatch.chart_opening import Intake
from dispatch.domain.consultation import Consultation
from dispatch.domain.placing import Placement
from dispatch.domain.reporter import Reporter
from dispatch.intake import IntakeDesk
from dispatch.merge_desk import Mask, MergeDesk, MergeRules, MergeTools
from dispatch.photo_desk import PhotoDesk, PhotoTools
from dispatch.ports import Clock, Geocoder, NewChart
from dispatch.topic_desk import TopicDesk, TopicTools
from geodata.city import CityProfile
from geodata.duplicate_table import read_duplicate_rules
from geodata.scheme_table import read_schemes


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseParts:
    """What joins charts, parts them, and keeps their pictures."""

    topics: TopicDesk
    merges: MergeDesk
    photos: PhotoDesk


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CaseTools:
    """What the parts are made of."""

    engine: Database
    store: SqlStore
    intake: IntakeDesk
    geocoder: Geocoder
    clock: Clock
    mask_of: Callable[[str], Mask]


def case_parts(settings: Settings, profile: CityProfile, tools: CaseTools) -> CaseParts:
    """
    Wire the parts for one city.

    Raises
    ------
    SourceError
        When a table of the city cannot be used.
    """
    related = SqlRelated(tools.engine)
    reader = PictureReader(
        max_bytes=settings.max_photo_bytes, max_pixels=settings.max_photo_pixels
    )
    return CaseParts(
        topics=TopicDesk(
            TopicTools(
                charts=tools.store,
                calls=related,
                opened=_opener(tools.intake),
                catalogue=profile.catalogue,
                clock=tools.clock,
            )
        ),
        merges=MergeDesk(
            MergeTools(
                charts=tools.store,
                related=related,
                geocoder=tools.geocoder,
                clock=tools.clock,
            ),
            MergeRules(
                catalogue=profile.catalogue,
                timezone=profile.timezone,
                duplicates=read_duplicate_rules(profile.folder, profile.catalogue),
                schemes=read_schemes(profile.folder),
                mask_of=tools.mask_of,
            ),
        ),
        photos=PhotoDesk(
            PhotoTools(
                charts=tools.store,
                photos=SqlPhotos(tools.engine),
                pictures=PhotoFiles(
                    photos_folder_for(settings.database_url, settings.photos_dir)
                ),
                read=reader.read,
                clock=tools.clock,
                timezone=profile.timezone,
            )
        ),
    )


def _opener(
    intake: IntakeDesk,
) -> Callable[[Consultation, str, Placement | None], NewChart]:
    """Let the reception open a chart whose reporter another chart has."""

    def opened(
        consultation: Consultation, who: str, placement: Placement | None
    ) -> NewChart:
        one = Intake(
            consultation=consultation, reporter=Reporter(), placement=placement
        )
        return intake.opening(one, who=who)

    return opened
