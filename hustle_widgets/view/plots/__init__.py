"""Plots that several live views share."""
