"""One part alone, what it costs and how it grows: exports, uploads, watch lists, stitching, connections and others."""
