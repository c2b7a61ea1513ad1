"""The methods, one file each, and what wraps them; ``registry.py`` lists them."""
