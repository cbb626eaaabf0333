"""`hardfin …`: the product at the command line. Tables for people, `--json` for programs, exit codes for both."""

from hardfin_pipelines.cli.main import main

__all__ = ["main"]
