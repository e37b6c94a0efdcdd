"""From signals to pictures of ECG printouts."""
