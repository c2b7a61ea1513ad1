"""Penalties that are not convex."""
