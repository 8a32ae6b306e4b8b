"""Where results go: the terminal and files. Commands and measurements both write through it.

May import `pipeline`.
"""
