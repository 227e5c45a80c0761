"""Reads with the client of pymodbus: the registers in hex, or the code of the refusal, one read a line.

   pymodbus_master.py PATH UNIT:FUNCTION:REGISTER:COUNT...
"""
import sys

from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient

path, *reads = sys.argv[1:]
client = ModbusSerialClient(path, framer=FramerType.RTU, baudrate=9600, timeout=3, retries=0)
client.connect()
calls = {1: client.read_coils, 3: client.read_holding_registers, 4: client.read_input_registers}
for read in reads:
    unit, function, register, count = map(int, read.split(":"))
    reply = calls[function](register, count=count, device_id=unit)
    text = f"refused {reply.exception_code}" if reply.isError() else " ".join(f"{word:04X}" for word in reply.registers)
    print(text, flush=True)
