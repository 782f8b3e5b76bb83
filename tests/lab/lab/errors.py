# SPDX-License-Identifier: BSD-3-Clause
"""What the lab raises."""


class LabError(Exception):
    """The lab could not do what was asked: a tool is missing, a guest died or did not answer."""


class GuestComplaint(Exception):
    """A guest's kernel printed something that no good driver causes."""
