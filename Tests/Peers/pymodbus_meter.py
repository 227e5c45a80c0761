"""A meter made with pymodbus, with the registers of libmodbus_meter.c.

   pymodbus_meter.py rtu PATH | rtu-tcp PORT | tcp PORT
"""
import sys

from pymodbus import FramerType
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import StartSerialServer, StartTcpServer

registers = [0] * 100
for at, words in {
    0x00: (0x4366, 0x3334),  # 230.2 V
    0x02: (0x4365, 0xE666),  # 229.9 V
    0x46: (0x4248, 0x0000),  # 50 Hz
    0x48: (0x449A, 0x522B),  # 1234.5677 kWh
}.items():
    registers[at : at + 2] = words
# A block of this library counts from 1.
context = ModbusServerContext(devices={1: ModbusDeviceContext(ir=ModbusSequentialDataBlock(1, registers))}, single=False)
kind, place = sys.argv[1:]
if kind == "rtu":
    StartSerialServer(context, port=place, baudrate=9600, framer=FramerType.RTU)
else:
    framer = FramerType.RTU if kind == "rtu-tcp" else FramerType.SOCKET
    StartTcpServer(context, address=("127.0.0.1", int(place)), framer=framer)
