"""What a person sees of choosing a reduction: pins, why a point moved, injections, sweeps, tables."""
