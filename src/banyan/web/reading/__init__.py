"""Read models of the pages: composed from the domain's access functions, never from rows."""
