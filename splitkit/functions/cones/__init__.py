"""Indicators of closed convex cones."""
