"""Whose notices somebody may read, answer and settle: those of their own desks."""

from __future__ import annotations

from dataclasses import replace

from fastapi import Request

from api.acting import actor_of, refusal
from api.reach import reach_of
from api.wiring import Services
from dispatch.domain.access import Action
from dispatch.domain.chart_query import EVERYTHING, Reach
from dispatch.domain.errors import NotAllowedError
from dispatch.domain.notice import in_reach


def notice_reach(request: Request) -> Reach:
    """Whose notices who asks may read as theirs: not the neighbours', not all."""
    actor = actor_of(request)
    if actor.is_everywhere or Action.READ_NOTICES in actor.granted:
        return EVERYTHING
    services: Services = request.app.state.services
    own = reach_of(actor, services, own_only=True)
    return replace(own, receivers=actor.receivers)


def require_own_notice(request: Request, notice_id: str) -> None:
    """
    Refuse a notice that is for somebody else's ward, office or desk.

    Raises
    ------
    NotFoundError
        When there is no such notice.
    NotAllowedError
        Naming the roles that may.
    """
    services: Services = request.app.state.services
    notice = services.hand_over.notices.notices.get(notice_id)
    if not in_reach(notice, notice_reach(request)):
        raise NotAllowedError(refusal(Action.READ_NOTICES))
