"""A short infusion with the library: python library.py /dev/ttyACM0"""

import sys

from titra import Pump

with Pump(sys.argv[1], wire_log=sys.argv[2] if len(sys.argv) > 2 else None) as pump:
    plan = pump.program(volume="0.2mL", over="20s", syringe="bd-60")
    pump.start(plan)  # 10 s of lease, kept alive while this program lives
    end = pump.wait()  # an exception or Ctrl-C here stops the pump
    print(end.state, end.steps, "of", plan.steps, "steps,", float(end.delivered_nl) / 1e6, "mL")
