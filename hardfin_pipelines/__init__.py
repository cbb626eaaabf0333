"""The integration engine of Hardfin: records of vendors become Hardfin's entities, once, and stay operations' own."""
