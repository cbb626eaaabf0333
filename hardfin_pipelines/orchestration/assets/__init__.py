"""The assets: what vendors hold, what Hardfin holds, and how the work goes."""
