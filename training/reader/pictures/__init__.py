"""The pictures that the reader learns from: real crops and drawn ones, and how a camera sees them."""
