"""The ground floor: errors, clock, identifiers, places, actors and the local socket protocol."""
