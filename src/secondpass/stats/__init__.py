"""Statistics of measurements: percentiles and their intervals, paired differences."""
