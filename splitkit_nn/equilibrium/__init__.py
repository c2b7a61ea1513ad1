"""The equilibrium network on arrays of any library: its two inclusions, their solves and steps."""
