"""What crops of a tracklet and tracklets of a sighting share: summed log-probabilities of texts become shares.

This is the logarithmic opinion pool. Texts that nobody proposed take part as one, so that shares are honest: a text
that is merely the best of bad ones has a small share.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Keeps a logarithm finite where one look rules a text out, or leaves nothing unexplained.
NEVER_ZERO = 1e-12
#: Runner-up texts kept.
ALTERNATIVES = 5


def shares(logs: NDArray[np.float64], unexplained: float) -> NDArray[np.float64]:
    """Share of each text by its pooled log-probability; they sum to less than 1, the rest is the unexplained."""
    everything = np.append(logs, unexplained)
    relative = np.exp(everything - everything.max())
    return np.asarray(relative[:-1] / relative.sum())
