"""Lipschitz constants of a layer by multipliers, which a parametrization chooses from."""
