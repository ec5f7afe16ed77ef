"""Measured against peers, in one run: what is compared ran on the same machine, minutes apart.

Absolute figures say how fast this machine is; ratios say how good the code is. See `ucid bench`.
"""
