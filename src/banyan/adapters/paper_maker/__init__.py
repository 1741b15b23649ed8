"""Papers as PDF: templates filled and laid out in a process of their own, limited in time, memory and what it may open."""
