"""The served installation of the api's tests, for the contract's too."""

from tests.api.conftest import areas_dir, client

__all__ = ["areas_dir", "client"]
