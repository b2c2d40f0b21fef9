"""What a person sees: controls, live plots and saved figures. The only importer of bqplot and matplotlib."""
