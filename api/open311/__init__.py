"""Open311 GeoReport v2: its parameters, documents, words and errors."""
