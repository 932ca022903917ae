"""A simulation at full speed keeps faith with a host in real time."""

from __future__ import annotations

import time

from titra.client import PumpClient
from titra.simulator import SpawnedPump
from titra.transport import SerialTransport

from .commands import BENCH

PIECE_GAP_S = 0.1  # the pump drops a line that is cut short after 0.5 s


def test_a_line_in_pieces_is_not_lost_because_virtual_time_is_fast() -> None:
    pump = SpawnedPump(runtime="cpython", speed="max")
    try:
        client = PumpClient(SerialTransport(pump.port))
        client.connect()
        client.request("start", plan=client.request("program", BENCH).fields["plan"])
        began_s = client.transport.clock()
        for piece in (b"not-a-", b"verb-", b"at-all\n"):
            client.transport.write(piece)
            time.sleep(PIECE_GAP_S)
        lines = [message.raw for message in client.receive(1.0)]
        while not any("unknown-verb" in line for line in lines):
            assert client.transport.clock() - began_s < 5
            lines += [message.raw for message in client.receive(1.0)]
        assert any("given=not-a-verb-at-all" in line for line in lines)
        client.close()
    finally:
        pump.close()
