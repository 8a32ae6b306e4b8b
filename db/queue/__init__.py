"""What is to be done and by whom: segments and video tasks, their moves, and whose turn it is."""
