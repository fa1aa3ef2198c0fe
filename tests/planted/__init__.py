"""Planted mistakes in derivatives, and right ones: what the gradient checker is measured by."""
