"""Tests of the house itself: names, clocks, sizes, documents."""
