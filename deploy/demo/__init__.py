"""`ucid demo`: a shop's story with a known truth, told to the whole system."""
