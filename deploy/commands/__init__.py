"""One module for each command: `configure` names its arguments, `run` returns its exit code."""
