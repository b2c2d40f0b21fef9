"""How a chain of steps is computed: deltas, chunks, tokens, staleness, cache and cancellation."""
