"""Doors for the modelling languages of others: ``interfaces.cvxpy``, ``interfaces.qpsolvers``."""
