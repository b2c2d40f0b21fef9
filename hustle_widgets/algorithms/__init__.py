"""The science: numpy arrays in, numpy arrays out."""
