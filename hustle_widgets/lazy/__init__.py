"""Cubes that are made frame by frame when they are indexed, as xarray's lazy arrays."""
