# SPDX-License-Identifier: BSD-3-Clause
"""What a guest's kernel may not say."""

import re

# Each line of the console that matches is a complaint, whoever caused it.
COMPLAINTS = re.compile(
    r"WARNING:|\bBUG[: ]|Oops|Kernel panic|general protection fault|Call Trace:"
    r"|KASAN|KFENCE|UBSAN|possible recursive locking|circular locking|inconsistent lock state"
    r"|suspicious RCU usage|sleeping function called|scheduling while atomic"
    r"|rcu.*detected stalls|soft lockup|hard LOCKUP|hung_task|blocked for more than"
    r"|page_pool_release_retry|unregister_netdevice: waiting|NETDEV WATCHDOG"
    r"|transmit queue.*timed out"
    r"|DMA-API:|refcount_t:|Bad page state|Memory leak|Objects remaining|list_(add|del) corruption"
    r"|nobody cared|hw csum failure|Tainted:.*\b[BDLMW]\b"
)

# Known to come from the emulated machine or from QEMU's own devices, on every boot.
HARMLESS = re.compile(r"(?!)")


def complaints(text, allow=None):
    """Lines of a console log that a test must fail on. allow: a pattern the test expects."""
    allowed = re.compile(allow) if allow else HARMLESS
    return [
        line for line in text.splitlines()
        if COMPLAINTS.search(line) and not HARMLESS.search(line) and not allowed.search(line)
    ]
