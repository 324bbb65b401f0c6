"""Work already given to teams: asked for when a team of an office is to be chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from dispatch.domain.team import MobileTeam

Ask = Callable[[frozenset[str]], Mapping[str, int]]


class TeamLoads(Mapping[str, int]):
    """
    Seconds of open work on site by team; an office's teams are asked for at once.

    A day has 20,000 open charts: counting them all for each consultation would take
    longer than everything else, and only the teams of one office are compared.

    Parameters
    ----------
    teams
        Of the city.
    ask
        Loads of some teams by their ids; who has none may be left out.
    """

    def __init__(self, teams: Iterable[MobileTeam], ask: Ask) -> None:
        by_office: dict[str, set[str]] = {}
        for team in teams:
            by_office.setdefault(team.office_id, set()).add(team.id)
        self._mates = {
            team_id: frozenset(mates)
            for mates in by_office.values()
            for team_id in mates
        }
        self._ask = ask
        self._known: dict[str, int] = {}

    def __getitem__(self, team_id: str) -> int:
        """Load of a team; 0 for one that nothing is known of."""
        if team_id not in self._known:
            mates = self._mates.get(team_id, frozenset({team_id}))
            found = self._ask(mates)
            self._known |= {one: found.get(one, 0) for one in mates}
        return self._known[team_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._mates)

    def __len__(self) -> int:
        return len(self._mates)

    def add(self, team_id: str, seconds: int) -> None:
        """Count work that was given just now and is not stored yet."""
        self._known[team_id] = self[team_id] + seconds
