"""The served installation of the api's tests, for the contract's too."""

from tests.api.conftest import client, geodata_dir
from tests.contract.ogc_world import ogc

__all__ = ["client", "geodata_dir", "ogc"]
