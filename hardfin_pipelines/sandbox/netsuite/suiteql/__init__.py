"""SuiteQL: read as Oracle's dialect, checked on the syntax tree, run on the account's own database."""
