"""`python -m clonespeaker`."""

from clonespeaker.cli.main import main

main()
