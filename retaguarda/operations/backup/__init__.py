"""Copies of an installation that prove themselves: made while it works, verified byte by byte, restored into an empty place alone.

A folder of backups holds one folder a backup, and a pool of evidence that all of them share:

    20261111-020000-9f3a/  manifest.json  evidence.list  store.db | store.dump  audit/  home/  config/
    evidence/ab/ab12…      each file once, by its SHA-256

The vault's file is in it, encrypted; its master key is not, and must be kept elsewhere. The log's signing key is in it: whoever
holds a backup could go on with the log, which is why copies of checkpoints belong outside.
"""
