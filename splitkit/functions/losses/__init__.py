"""Losses: how far x is from the data."""
