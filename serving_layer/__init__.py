"""Generation and speed view, merged: which customer is this identifier?"""
