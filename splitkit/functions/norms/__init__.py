"""Norms and other convex regularizers."""
