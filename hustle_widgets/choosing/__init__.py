"""To choose a reduction: light curves, figures of merit, pins, sweeps, injections, and why a point moved.

Numbers and words only: nothing here draws, and all of it can be called without a browser.
"""
