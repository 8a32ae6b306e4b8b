"""Where results go: the terminal and files. Commands and measurements both write through it.

May import `pipeline`.
"""

import pipeline  # noqa: F401  Its switches have to be set before any library is loaded.
