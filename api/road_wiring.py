"""Composition of travel: road data, engine, server or straight lines, as there is."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import urllib3

from api.settings import Settings
from dispatch.closure_desk import HeldClosures
from dispatch.domain.errors import SourceError
from dispatch.ports import TravelTimes
from geodata.city import CityProfile
from geodata.roads.graph import RoadGraph
from geodata.roads.manifest import GRAPH_FILE, open_road_data
from geodata.roads.networks import Networks
from geodata.roads.numbers import city_numbers
from geodata.roads.osrm_client import OsrmClient
from geodata.roads.programs import OsrmPrograms, default_engine_dir
from geodata.roads.remote import RemoteTravelTimes
from geodata.roads.routing import RoadRoutes
from geodata.roads.service import RoadTravelTimes
from geodata.roads.snapping import RoadSnapper
from geodata.roads.valhalla import ValhallaRoutes
from geodata.travel_times import StraightLineTravelTimes

SERVER_TIMEOUT_S = 30.0

logger = logging.getLogger(__name__)

Roads = RoadTravelTimes | RemoteTravelTimes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Travel:
    """Travel times, routes for people, and the roads behind them if there are any."""

    times: TravelTimes
    routes: RoadRoutes
    roads: Roads | None

    def close(self) -> None:
        """End the engines."""
        if self.roads is not None:
            self.roads.close()


def open_travel(
    settings: Settings, profile: CityProfile, closures: HeldClosures
) -> Travel:
    """
    Open the best level of travel times that this installation has.

    Raises
    ------
    SourceError
        When a port is named for the engine and taken by another program.
    """
    straight = straight_lines(profile)
    roads = _roads(settings, profile, closures, straight)
    guide = None
    if settings.valhalla_url:
        guide = ValhallaRoutes(
            settings.valhalla_url,
            pool=urllib3.PoolManager(retries=False),
            timeout_s=SERVER_TIMEOUT_S,
        )
    return Travel(
        times=straight if roads is None else roads,
        routes=RoadRoutes(
            roads,
            straight,
            guide=guide,
            vehicle=city_numbers(profile).vehicle if guide is not None else None,
        ),
        roads=roads,
    )


def straight_lines(profile: CityProfile) -> StraightLineTravelTimes:
    """Travel times without roads: straight lines at the city's speed."""
    travel = profile.travel
    return StraightLineTravelTimes(
        speed_kmh=travel.speed_kmh, leg_s=travel.leg_s, detour=travel.detour
    )


def engine_programs(settings: Settings) -> OsrmPrograms:
    """Return the programs of the road engine, which may not be there."""
    return OsrmPrograms(settings.engine_dir or default_engine_dir())


def _roads(
    settings: Settings,
    profile: CityProfile,
    closures: HeldClosures,
    straight: TravelTimes,
) -> Roads | None:
    client = None
    if settings.roads_url:
        url = settings.roads_url
        client = OsrmClient(lambda: url, timeout_s=SERVER_TIMEOUT_S)
    try:
        data = open_road_data(settings.road_data_dir)
        graph = None if data is None else RoadGraph.load(data.folder / GRAPH_FILE)
    except SourceError as problem:
        logger.warning("travel times without road data: %s", problem)
        data, graph = None, None
    if data is None or graph is None:
        if client is None:
            return None
        return RemoteTravelTimes(client, straight, profile.travel)
    networks = Networks(
        data,
        graph,
        city_numbers(profile).junction,
        programs=_usable(settings),
        server=client,
        port=settings.roads_port,
    )
    return RoadTravelTimes(
        networks,
        (graph, RoadSnapper(graph, profile)),
        profile,
        closures=closures,
        straight=straight,
    )


def _usable(settings: Settings) -> OsrmPrograms | None:
    programs = engine_programs(settings)
    try:
        programs.require()
    except SourceError as problem:
        logger.warning("road times without the engine: %s", problem)
        return None
    return programs
