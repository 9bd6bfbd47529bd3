"""`python -m seedbed` is `seedbed`."""

from seedbed.cli.main import main

main()
