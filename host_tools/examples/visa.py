"""The pump as an instrument, with PyVISA: python visa.py /dev/ttyACM0"""

import sys

import pyvisa

pump = pyvisa.ResourceManager("@py").open_resource("ASRL%s::INSTR" % sys.argv[1])
pump.write_termination = pump.read_termination = "\n"
pump.timeout = 5000


def query(text):
    pump.write(text)
    # Telemetry and events come in between, and the first line may be the rest of one.
    while not (line := pump.read()).startswith(("Titra,", "- ")):
        pass
    return line


print(query("*IDN?"))
print(query("status"))
print(query("limits syringe=bd-60"))
pump.close()
