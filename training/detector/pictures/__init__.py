"""The pictures that the detector learns from: real ones, pasted plates, clutter, and the harm that a camera does."""
