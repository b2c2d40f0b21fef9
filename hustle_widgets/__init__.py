"""Interactive reduction of WFC3/UVIS G280 time series."""
