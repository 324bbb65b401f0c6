"""Composition of the imports: their desk, and the thread that runs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from api.import_desk import ImportDesk, ImportTools
from api.import_mapping import ImportMapping, read_mapping
from api.import_worker import importing
from api.importer import Importer
from api.wiring import Services
from dispatch.adapters.import_store import ImportFiles, SqlImports, imports_folder_for

OWN_COLUMNS = "kidohan"  # columns are called as our fields are
CITY_MAPPING = "city"
MAPPING_FILE = "import_mapping.toml"


def import_desk(services: Services) -> ImportDesk:
    """Make the desk of imports of an installation."""
    settings, profile = services.settings, services.profile
    folder = imports_folder_for(settings.database_url, settings.imports_dir)
    mappings = {OWN_COLUMNS: ImportMapping()}
    file = profile.folder / MAPPING_FILE
    if file.exists():
        mappings[CITY_MAPPING] = read_mapping(file)
    return ImportDesk(
        ImportTools(
            store=SqlImports(services.database, services.store),
            files=ImportFiles(folder, services.keyring),
            intake=services.intake,
            importer=Importer(services.intake, services.clock, profile.timezone),
            known_external=services.store.known_external,
            clock=services.clock,
            mappings=mappings,
            max_bytes=settings.max_import_bytes,
            keep_days=settings.imports_keep_days,
        )
    )


def install_imports(app: FastAPI, services: Services) -> None:
    """Let an application import files."""
    app.state.imports = import_desk(services)


@contextmanager
def importing_of(app: FastAPI) -> Iterator[None]:
    """Import files for as long as the service runs."""
    desk: ImportDesk = app.state.imports
    with importing(desk):
        yield


async def imports_of(request: Request) -> ImportDesk:
    """Return the wired desk of imports."""
    made: ImportDesk = request.app.state.imports
    return made


ImportsDep = Annotated[ImportDesk, Depends(imports_of)]
