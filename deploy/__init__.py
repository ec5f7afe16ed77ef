"""How ucid runs: the `ucid` command, the local stack, and the one place that knows every layer."""
