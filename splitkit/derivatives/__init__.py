"""Derivatives of what an equation u = T(u; θ) defines, by the implicit function theorem: ``traced``
by JAX, ``recorded`` by Torch. Each is loaded by whoever has arrays of that library.
"""
