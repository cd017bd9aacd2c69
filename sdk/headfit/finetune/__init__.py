"""Retraining the last binary blocks on the device."""
