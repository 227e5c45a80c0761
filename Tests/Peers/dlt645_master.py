"""Reads a meter with the client of the package dlt645: prints identifier and value, one a line.

   dlt645_master.py PATH NUMBER IDENTIFIER...      an identifier in hex, or "address"
"""
import sys

from dlt645 import MeterClientService

path, number, *wanted = sys.argv[1:]
client = MeterClientService.new_rtu_client(port=path, baudrate=2400, databits=8, stopbits=1, parity="N", timeout=3.0)
# As it travels, the last digits first.
client.set_address("".join(reversed([number[at : at + 2] for at in range(0, 12, 2)])))
reads = [client.read_00, client.read_01, client.read_02, client.read_03, client.read_04]
for name in wanted:
    try:
        item = client.read_address() if name == "address" else reads[int(name[:2], 16)](int(name, 16))
    except ValueError:
        print(name, "no value, ValueError", flush=True)
        continue
    value = getattr(item, "value", None)
    print(name, getattr(value, "value", value), getattr(value, "time", ""), flush=True)
