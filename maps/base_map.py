"""What may lie under the signs of a map; asked for in the settings."""

from __future__ import annotations

from enum import StrEnum


class BaseMap(StrEnum):
    """What lies under our signs (背景地図)."""

    NONE = "none"  # pale wards and their names: nothing is fetched
    GSI = "gsi"  # 地理院タイル(淡色地図): only when the city switched it on
