"""Indicators of sets that are no cones."""
