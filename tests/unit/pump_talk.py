"""A pump on a fake HAL to talk to by its lines."""

from fake_hal import BOARD, FakeHal

from pump.app.pump import Pump
from pump.core.frame import MAX_LINE, seal


class Talk:
    """A pump to talk to."""

    def __init__(self, hal=None, board=BOARD):
        self.hal = hal or FakeHal()
        self.pump = Pump(self.hal, board)
        self.boot = [line.decode() for line in self.pump.log.page((0, 0), 9, 9999, int)[0]]
        self.pump.turn()

    def ask(self, text):
        self.hal.link.sent = b""
        self.hal.link.incoming = seal(text)
        while self.hal.link.incoming or self.pump.outbox.waiting():
            self.pump.turn()
        lines = self.hal.link.sent.decode().split("\n")
        assert max(len(line) for line in lines) < MAX_LINE
        return next(line for line in lines if line[:1] not in "!~").rsplit("*")[0]

    def events(self, name=""):
        """The events of the last answer, all or those of a name."""
        lines = self.hal.link.sent.decode().split("\n")
        return [line for line in lines if line[:1] == "!" and "name=" + name in line]
