"""How long motion may go on without the CPU.

All that is queued in the step generator runs out by itself: ``depth`` words and the one in
progress, none longer than the lease. The lease is chosen per plan so that

    (depth + 1) x lease x rate  <=  RUN_ON_NL         volume delivered by a dead CPU
    (depth + 1) x lease         <=  RUN_ON_US

RUN_ON_NL is a quarter of the 0.1 mL that a single fault may deliver (requirement DEL-15).
RUN_ON_US keeps the pump from running long on its own at low rates, where volume alone would allow
minutes.
"""

RUN_ON_NL = 25_000
RUN_ON_US = 1_800_000


def lease_us(rate_nl_per_s: tuple, depth: int) -> int:
    """The longest word (us) at a rate (exact nL/s, > 0) for a queue of ``depth`` words."""
    n, d = rate_nl_per_s
    run_on_us = RUN_ON_NL * 1_000_000 * d // n
    return min(run_on_us, RUN_ON_US) // (depth + 1)
