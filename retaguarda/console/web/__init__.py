"""The web console: pages for operators, approvers, auditors and administrators, and the API with the same rights.

`routes` is the register of everything that can be asked for, with the roles that may; `views` answer, `queries` read.
"""
