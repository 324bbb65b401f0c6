"""The core: consultations, teams and plans, and how one becomes the next."""
