"""The small problems inside proximal maps without a closed form."""
