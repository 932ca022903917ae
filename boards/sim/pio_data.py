"""PIO instructions that move data: IN, OUT, PUSH, PULL, MOV, SET (see ``pio_decode``)."""

M32 = 0xFFFFFFFF
STALL = -1
RETRY = -2
RXSTALL, RXUNDER, TXOVER, TXSTALL = 1, 2, 4, 8  # sm.fd: this machine's FDEBUG bits


def rotate(value: int, by: int) -> int:
    """32-bit rotate left: pin mappings wrap from GPIO 31 to 0."""
    return (value << by | value >> (32 - by)) & M32


def reverse(value: int) -> int:
    """Bit-reverse 32 bits."""
    out = 0
    for _ in range(32):
        out = out << 1 | value & 1
        value >>= 1
    return out


# ---- sources and destinations of IN, OUT, MOV and SET ----


def _source(code: int, sm, status: bool):
    blk = sm.blk
    if code == 0:
        base = sm.in_base
        if not base:
            return lambda s: blk.inp
        return lambda s: (blk.inp >> base | blk.inp << (32 - base)) & M32
    if code == 1:
        return _source_x
    if code == 2:
        return _source_y
    if code == 5 and status:
        level_of_rx = sm.status_rx
        limit = sm.status_n

        def read_status(s):
            s.bad = 1
            return M32 if len(s.rx if level_of_rx else s.tx) < limit else 0

        return read_status
    if code == 6:
        return lambda s: s.isr
    if code == 7:
        return lambda s: s.osr
    return lambda s: 0  # NULL, and reserved codes


def _source_x(s) -> int:
    s.use |= 1
    return s.x


def _source_y(s) -> int:
    s.use |= 2
    return s.y


def _pins_writer(base: int, count: int, dirs: bool):
    mask = rotate((1 << count) - 1, base) if count else 0

    def levels(s, value, bits):
        s.wm = mask
        s.wv = (value << base | value >> (32 - base)) & mask
        s.eff = 1

    def directions(s, value, bits):
        s.dm = mask
        s.dv = (value << base | value >> (32 - base)) & mask
        s.eff = 1

    return directions if dirs else levels


def _to_x(s, value, bits):
    s.x = value
    s.use |= 1


def _to_y(s, value, bits):
    s.y = value
    s.use |= 2


def _to_pc(s, value, bits):
    return (value & 31) + 1


def _to_isr(s, value, bits):
    s.isr = value
    s.isr_n = bits


def _to_osr(s, value, bits):
    s.osr = value
    s.osr_n = 0


def _to_exec(s, value, bits):
    s.exec_op = value & 0xFFFF
    s.slow = True


def _to_nothing(s, value, bits):
    return 0


# ---- IN, OUT, PUSH, PULL, MOV, SET ----


def compile_in(arg: int, sm):
    count = arg & 31 or 32
    mask = (1 << count) - 1
    source = _source(arg >> 5, sm, False)
    right = sm.in_right
    autopush = sm.autopush
    threshold = sm.push_th

    def fn(s):
        if not s.latch:  # not merely retrying the push
            value = source(s) & mask
            if right:
                s.isr = s.isr >> count | value << (32 - count)
            else:
                s.isr = (s.isr << count | value) & M32
            s.isr_n = min(32, s.isr_n + count)
        if autopush and s.isr_n >= threshold:
            if not s.push():
                s.latch = 1
                return STALL
        s.latch = 0
        return 0

    return fn


def compile_out(arg: int, sm):
    count = arg & 31 or 32
    mask = (1 << count) - 1
    code = arg >> 5
    write = {
        0: _pins_writer(sm.out_base, sm.out_count, False),
        1: _to_x,
        2: _to_y,
        3: _to_nothing,
        4: _pins_writer(sm.out_base, sm.out_count, True),
        5: _to_pc,
        6: _to_isr,
        7: _to_exec,
    }[code]
    right = sm.out_right
    autopull = sm.autopull
    threshold = sm.pull_th

    def fn(s):
        if autopull and s.osr_n >= threshold:
            if s.tx:
                s.refill()
                return RETRY
            s.fd |= TXSTALL
            s.bad = 1
            return STALL
        osr = s.osr
        if right:
            value = osr & mask
            s.osr = osr >> count
        else:
            value = osr >> (32 - count)
            s.osr = osr << count & M32
        s.osr_n = min(32, s.osr_n + count)
        result = write(s, value, count)
        if autopull and s.osr_n >= threshold:
            if s.tx:
                s.refill()
            else:
                s.bad = 1
        return result

    return fn


def compile_push_pull(arg: int, sm):
    if arg & 31:
        raise NotImplementedError("PIO: reserved PUSH/PULL encoding")
    return _pull(arg, sm) if arg & 0x80 else _push(arg, sm)


def _push(arg: int, sm):
    threshold = sm.push_th if arg & 0x40 else 0
    block = arg & 0x20

    def fn(s):
        if s.isr_n < threshold or s.push():
            return 0
        if block:
            return STALL
        s.isr = 0  # full and not blocking: the data is lost
        s.isr_n = 0
        return 0

    return fn


def _pull(arg: int, sm):
    threshold = sm.pull_th if arg & 0x40 else 0
    block = arg & 0x20
    autopull = sm.autopull

    def fn(s):
        if s.osr_n < threshold or (autopull and not s.osr_n):
            return 0  # with autopull, PULL of a full OSR does nothing (a barrier)
        if s.tx:
            s.refill()
            return 0
        s.bad = 1
        if block:
            s.fd |= TXSTALL
            return STALL
        s.use |= 1
        s.osr = s.x
        s.osr_n = 0
        return 0

    return fn


def compile_mov(arg: int, sm):
    source = _source(arg & 7, sm, True)
    operation = arg >> 3 & 3
    write = {
        0: _pins_writer(sm.out_base, sm.out_count, False),
        1: _to_x,
        2: _to_y,
        4: _to_exec,
        5: _to_pc,
        6: _to_isr,
        7: _to_osr,
    }.get(arg >> 5, _to_nothing)
    if arg & 0xFF == 0x42:  # mov y, y: the usual NOP
        return _nop
    if operation == 1:
        return lambda s: write(s, source(s) ^ M32, 0)
    if operation == 2:
        return lambda s: write(s, reverse(source(s)), 0)
    return lambda s: write(s, source(s), 0)


def _nop(s):
    return 0


def compile_set(arg: int, sm):
    value = arg & 31
    code = arg >> 5
    write = {1: _to_x, 2: _to_y}.get(code, _to_nothing)
    if code in (0, 4):
        write = _pins_writer(sm.set_base, sm.set_count, code == 4)
    return lambda s: write(s, value, 0)
