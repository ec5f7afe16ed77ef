"""`python -m deploy`: the `ucid` command, where no script is installed."""

import sys

from deploy.cli import main

sys.exit(main())
