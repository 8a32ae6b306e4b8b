"""When and where: clocks and tracks of videos, areas that are searched, named places, drives and passings."""
