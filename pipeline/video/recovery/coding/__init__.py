"""How pictures are coded: parameter sets, the order of showing that they tell, and how to find them by trying."""
