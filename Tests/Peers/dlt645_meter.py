"""A DL/T 645-2007 meter made with the package dlt645: number 202311110001.

   dlt645_meter.py rtu PATH | tcp PORT
"""
import sys
import time
from datetime import datetime

from dlt645 import MeterServerService
from dlt645.model.types.dlt645_type import Demand

kind, place = sys.argv[1:]
if kind == "tcp":
    meter = MeterServerService.new_tcp_server("127.0.0.1", int(place), 5)
else:
    meter = MeterServerService.new_rtu_server(
        port=place, data_bits=8, stop_bits=1, baud_rate=2400, parity="N", timeout=1.0)
# This package takes the number as it travels, its last digits first.
meter.set_address("010011112320")
meter.set_00(0x00010000, 4321.09)
meter.set_00(0x00000000, 4300.5)
meter.set_02(0x02010100, 220.1)
meter.set_02(0x02020100, 1.234)
meter.set_01(0x01010000, Demand(1.2345, datetime(2023, 1, 1, 12, 0)))
meter.server.start()
while True:
    time.sleep(60)
