"""Where is it: texts, coordinates and points turned into places of the city."""
