"""Tests on what was measured item by item."""
