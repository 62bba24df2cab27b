"""The command line, ``workflow-miniscope`` or ``python -m workflow_miniscope``."""

from .cli.app import main

if __name__ == "__main__":
    main()
