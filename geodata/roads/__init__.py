"""Roads: the graph, the engine and the travel times from them."""
