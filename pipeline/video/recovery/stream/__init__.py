"""What lies in the media data: NAL units, and the pictures that they make up. Knows nothing of how these are coded."""
