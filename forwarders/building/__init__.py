"""What Lambda runs, built: two functions and the contracts layer, the same bytes for the same input. Floor 3."""
