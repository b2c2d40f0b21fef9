"""Interactive reduction of HST WFC3/UVIS G280 time series in Jupyter."""
