"""The page of a Reduction: bar, list of steps, panels, assessment."""
