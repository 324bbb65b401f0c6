"""The desks of transfers and notices of a city, wired together."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dispatch.adapters.notice_store import SqlNotices
from dispatch.adapters.sql_store import SqlStore
from dispatch.adapters.transfer_store import SqlTransfers
from dispatch.domain.receivers import Receivers
from dispatch.notice_desk import NoticeDesk, NoticeRules
from dispatch.organisation_desk import OrganisationDesk
from dispatch.ports import Clock
from dispatch.transfer_desk import TransferDesk, TransferRules
from geodata.city import CityProfile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HandOverStores:
    """Where charts, queues of transfers and notices are."""

    charts: SqlStore
    queues: SqlTransfers
    notices: SqlNotices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HandOverParts:
    """What those who pass charts on, and write to each other about them, work with."""

    transfers: TransferDesk
    queues: SqlTransfers
    notices: NoticeDesk


def hand_over_parts(
    profile: CityProfile,
    stores: HandOverStores,
    receivers: Receivers,
    organisation: OrganisationDesk,
    clock: Clock,
) -> HandOverParts:
    """Wire the desks for one city."""

    def office_name(office_id: str, day: dt.date) -> str:
        return organisation.office_name(office_id, day) or office_id

    return HandOverParts(
        transfers=TransferDesk(
            stores.charts,
            clock,
            TransferRules(
                catalogue=profile.catalogue,
                hours=profile.hours,
                timezone=profile.timezone,
                receivers=receivers,
                office_name=office_name,
            ),
        ),
        queues=stores.queues,
        notices=NoticeDesk(
            stores.charts,
            stores.notices,
            clock,
            NoticeRules(
                timezone=profile.timezone,
                ward_names={ward.code: ward.name for ward in profile.wards},
                office_name=office_name,
            ),
        ),
    )
