"""The city as data: profiles, addresses, areas, travel times."""
