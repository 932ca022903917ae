"""A short infusion with nothing but pyserial: python pyserial_only.py /dev/ttyACM0"""

import binascii
import sys

import serial

port = serial.Serial(sys.argv[1], timeout=5)


def ask(text):
    port.write(b"%s*%04X\n" % (text.encode(), binascii.crc_hqx(text.encode(), 0xFFFF)))
    while not (line := port.readline().decode()).startswith("- "):  # ~ telemetry, ! events
        assert line, "no answer"
    assert line.startswith("- ok "), line
    return dict(word.split("=", 1) for word in line.split("*")[0].split()[2:])


plan = ask("program volume=0.2mL over=20s syringe=bd-60")
print(ask("start plan=%(plan)s lease=10s on-loss=stop" % plan))
while (now := ask("status"))["state"] == "infusing":  # every line renews the lease
    port.readline()
print(now["state"], now["steps"], "of", plan["steps"], "steps,", now["delivered"])
