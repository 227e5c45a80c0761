"""Our master against meters of others, masters of others against our simulated meters. One line a case.

   peers.py METERD FOLDER PYTHON-DLT645     FOLDER has the built C programs and is free to write in

Values are compared exactly. What a peer is known to do otherwise is a case too, with its reason, and fails once the
peer does something else.
"""
import datetime
import decimal
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

meterd, folder, other = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))
disagreements = 0
started = []


def case(name, got, expected):
    global disagreements
    if got == expected:
        print(f"ok         {name}", flush=True)
    else:
        disagreements += 1
        print(f"DISAGREES  {name}: {got!r}, not {expected!r}", flush=True)


def start(*command, **options):
    log = open(f"{folder}/peers.log", "ab")
    options.setdefault("stdout", log)
    process = subprocess.Popen(command, stderr=log, start_new_session=True, **options)
    started.append(process)
    return process


def end(*processes):
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        started.remove(process)


def until(what, holds, seconds=30):
    """Waits for a program of somebody else to be there, which tells nobody."""
    limit = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > limit:
            raise SystemExit(f"peers: {what} did not come within {seconds} s; see {folder}/peers.log")
        time.sleep(0.05)


def run(*command, seconds=30):
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def null_modem(name):
    ends = [f"{folder}/{name}-{side}" for side in "ab"]
    process = start("socat", *[f"PTY,raw,echo=0,link={end}" for end in ends])
    until(name, lambda: all(os.path.exists(end) for end in ends))
    return process, *ends


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listens(port):
    """Looks without connecting: these servers take a connection for their master."""
    wanted = f"{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            if any(line.split()[1].endswith(":" + wanted) and line.split()[3] == "0A" for line in list(lines)[1:]):
                return True
    return False


def children(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as ids:
        return ids.read().split()


def open_elsewhere(path, process):
    """Whether `process` has opened the terminal."""
    device = os.path.realpath(path)
    if process.poll() is not None:
        raise SystemExit(f"peers: {process.args} ended with {process.returncode}; see {folder}/peers.log")
    files = f"/proc/{process.pid}/fd"
    return any(os.path.realpath(f"{files}/{file}") == device for file in os.listdir(files))


def probe(port, protocol, address, *more):
    """Exit status and, by quantity, value; for questions without one the outcome by query."""
    status, out, err = run(meterd, "probe", port, "--protocol", protocol, "--address", address, "--json", *more)
    values = {}
    if out:
        for answer in json.loads(out)["answers"]:
            for value in answer.get("values", []):
                values[value["quantity"]] = value["value"]
                if value.get("occurred"):
                    values[value["quantity"] + " at"] = value["occurred"]
            if answer["outcome"] != "told":
                values[answer["query"]] = answer["outcome"]
    elif status:
        values["error"] = err
    return status, values


# --- Our master, Modbus meters of others.

SDM = ["--profile", "eastron-sdm630"]
READS = ["voltage.l1", "voltage.l2", "frequency", "energy.import.active.total"]


def shown(number):
    """A float's own value, to millionths; Python does the arithmetic."""
    exact = decimal.Decimal(struct.unpack(">f", bytes.fromhex(number))[0])
    return str(exact.quantize(decimal.Decimal("0.000001"), decimal.ROUND_HALF_UP))


HELD = dict(zip(READS, map(shown, ["43663334", "4365E666", "42480000", "449A522B"])))


def modbus_meter(name, port, settle=lambda: None):
    """`settle` waits until nothing of an earlier connection is left that could take an answer."""
    settle()
    # A network has no serial settings.
    sdm = SDM if port.startswith("modbus-tcp:") else [*SDM, "--serial", "9600 8N1"]
    status, values = probe(port, "modbus", "1", *sdm, *READS)
    # A read may bring neighbours of what was asked for.
    case(f"meterd reads {name}", (status, {key: values.get(key) for key in READS}), (0, HELD))
    settle()
    status, values = probe(port, "modbus", "1", *sdm, "energy.import.active.l1")
    case(f"meterd takes the refusal of {name}", (status, set(values.values())), (65, {"refused"}))


def modbus_meters():
    for name, program in (
        ("libmodbus", [f"{folder}/libmodbus_meter"]), ("pymodbus", [sys.executable, f"{here}/pymodbus_meter.py"])
    ):
        wire, ours, theirs = null_modem(f"modbus-{name}")
        meter = start(*program, "rtu", theirs)
        until(name, lambda: open_elsewhere(theirs, meter))
        modbus_meter(f"{name}, serial", ours)
        end(wire)
        end(meter)

    wire, ours, theirs = null_modem("modbus-gateway")
    meter = start(f"{folder}/libmodbus_meter", "rtu", theirs)
    until("libmodbus", lambda: open_elsewhere(theirs, meter))
    port = free_port()
    gateway = start("socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", f"{ours},raw,echo=0")
    until("socat", lambda: listens(port))
    modbus_meter(
        "libmodbus behind a transparent serial server",
        f"tcp://127.0.0.1:{port}",
        lambda: until("socat to leave the last connection", lambda: not children(gateway)),
    )
    end(gateway, wire, meter)

    port = free_port()
    meter = start(sys.executable, f"{here}/pymodbus_meter.py", "rtu-tcp", str(port))
    until("pymodbus", lambda: listens(port))
    modbus_meter("pymodbus, RTU frames over TCP", f"tcp://127.0.0.1:{port}")
    end(meter)

    for name, program in (
        ("libmodbus", [f"{folder}/libmodbus_meter"]), ("pymodbus", [sys.executable, f"{here}/pymodbus_meter.py"])
    ):
        port = free_port()
        meter = start(*program, "tcp", str(port))
        until(name, lambda: listens(port))
        modbus_meter(f"{name}, Modbus TCP", f"modbus-tcp://127.0.0.1:{port}")
        end(meter)


# --- Our master, the DL/T 645 meter of another.

NUMBER = "202311110001"


# One identifier a value: the peer has no blocks.
PROFILE = """
name = "peer"
title = "Single identifiers"
manufacturer = "none"
protocol = "dlt645-2007"
source = "made for this comparison"
certainty = "unverified"
phases = 1
[[group]]
kind = "current"
[[group.item]]
identifier = "00010000"
[[group.item]]
identifier = "02010100"
[[group.item]]
identifier = "02020100"
[[group.item]]
identifier = "01010000"
"""


def dlt645_meter(name, port):
    def ask(address, *more, profile="peer"):
        return probe(port, "dlt645-2007", address, "--serial", "2400 8N1", "--profile", profile, *more)

    held = {
        "energy.import.active.total": "4321.09", "voltage.l1": "220.1", "current.l1": "1.234",
        "demand.import.active.total": "1.2345", "demand.import.active.total at": "2023-01-01T12:00",
    }
    reads = [quantity for quantity in held if " " not in quantity]
    case(f"meterd reads {name}", ask(NUMBER, *reads), (0, held))
    case(f"meterd finds the address of {name}", ask("AAAAAAAAAAAA", "voltage.l1"), (0, {"voltage.l1": "220.1"}))
    case(
        f"{name} has no blocks, which the standard asks for: meterd takes the refusal",
        ask(NUMBER, "energy.import.active.rate1", profile="dlt645-2007-three-phase"), (65, {"DI 0001FF00": "refused"}))
    status, values = ask("000000000161", "voltage.l1")
    case(
        f"{name} answers for another address, where a meter must be silent: never a value",
        (status, set(values.values())), (65, {"refused"}))


def dlt645_meters():
    data = os.environ["METERD_DATA"]
    os.makedirs(f"{folder}/data/devices", exist_ok=True)
    for name in os.listdir(f"{data}/devices"):
        shutil.copy(f"{data}/devices/{name}", f"{folder}/data/devices")
    with open(f"{folder}/data/devices/peer.toml", "w") as file:
        file.write(PROFILE)
    shutil.copytree(f"{data}/tariffs", f"{folder}/data/tariffs", dirs_exist_ok=True)
    os.environ["METERD_DATA"] = f"{folder}/data"
    wire, ours, theirs = null_modem("dlt645")
    meter = start(sys.executable, f"{here}/dlt645_meter.py", "rtu", theirs)
    until("dlt645", lambda: open_elsewhere(theirs, meter))
    dlt645_meter("dlt645's meter, serial", ours)
    end(wire, meter)
    port = free_port()
    meter = start(sys.executable, f"{here}/dlt645_meter.py", "tcp", str(port))
    until("dlt645", lambda: listens(port))
    dlt645_meter("dlt645's meter, TCP", f"tcp://127.0.0.1:{port}")
    end(meter)


# --- Masters of others, our simulated meters.

STATION = """
station = "PEERS"
store = "{folder}/peers.db"

[[line]]
name = "modbus"
port = "{folder}/sim-modbus"
serial = "9600 8N1"
[[line.meter]]
id = "E-1"
profile = "eastron-sdm630"
address = "1"
[[line.meter]]
id = "E-2"
profile = "chint-dtsu666"
address = "2"
serial = "9600 8N1"

[[line]]
name = "dlt645"
port = "{folder}/sim-dlt645"
serial = "2400 8N1"
[[line.meter]]
id = "M-1"
profile = "dlt645-2007-three-phase"
address = "202311110001"
serial = "2400 8N1"

[[line]]
name = "sixteen"
port = "{folder}/sim-sixteen"
serial = "2400 8N1"
[[line.meter]]
id = "M-2"
profile = "dlt645-2007-three-phase"
address = "202311001601"
serial = "2400 8N1"
"""


def steady(read, ours):
    """What a foreign master reads, and our own right before and after it, once the two are the same."""
    for _ in range(20):
        before = ours()
        got = read()
        after = ours()
        if before == after:
            return got, before
    return got, (before, after)


def simulated():
    with open(f"{folder}/peers.toml", "w") as file:
        file.write(STATION.format(folder=folder))
    simulator = start(meterd, "simulate", "--config", f"{folder}/peers.toml", "--link")
    until("the simulator", lambda: os.path.exists(f"{folder}/sim-sixteen"))
    modbus_masters(f"{folder}/sim-modbus")
    dlt645_masters(f"{folder}/sim-dlt645")
    end(simulator)


def modbus_masters(port):
    def ours(unit, profile, quantity):
        return lambda: probe(port, "modbus", unit, "--profile", profile, "--serial", "9600 8N1", quantity)[1].get(quantity)

    def mbpoll(*arguments):
        status, out, err = run(
            "mbpoll", "-m", "rtu", "-b", "9600", "-P", "none", "-o", "3", "-1", "-0", "-q", *arguments, port)
        return (out + err).splitlines()[-1].split("]:")[-1].split("failed:")[-1].strip()

    def libmodbus(unit, function, register, count):
        return run(f"{folder}/libmodbus_master", port, unit, function, register, count)[1]

    def pymodbus(*reads):
        return run(sys.executable, f"{here}/pymodbus_master.py", port, *reads)[1].splitlines()

    energy = "energy.import.active.total"
    got, held = steady(lambda: mbpoll("-a", "1", "-t", "3:float", "-B", "-r", "72"), ours("1", "eastron-sdm630", energy))
    # mbpoll prints six figures.
    case("mbpoll reads an input register", got, f"{float(held):.6g}" if isinstance(held, str) else held)
    case("mbpoll is refused a register", mbpoll("-a", "1", "-t", "3", "-r", "60000"), "Illegal data address")
    case("mbpoll is refused a function", mbpoll("-a", "1", "-t", "0", "-r", "0"), "Illegal function")

    for name, read, refused in (
        ("libmodbus", lambda: libmodbus("1", "4", "72", "2"), lambda: libmodbus("1", "4", "60000", "2")),
        ("pymodbus", lambda: pymodbus("1:4:72:2")[0], lambda: pymodbus("1:4:60000:2")[0]),
    ):
        got, held = steady(read, ours("1", "eastron-sdm630", energy))
        case(f"{name} reads input registers", shown(got) if len(got) == 9 else got, held)
        case(f"{name} is refused a register", refused(), "Illegal data address" if name == "libmodbus" else "refused 2")
    case("pymodbus is refused a function", pymodbus("1:1:0:1"), ["refused 1"])


def dlt645_masters(port):
    def ours(quantity):
        return lambda: probe(port, "dlt645-2007", NUMBER, "--serial", "2400 8N1", quantity)[1].get(quantity)

    line = ["-b", "2400", "-P", "N", "-t", "3"]
    case(
        "dlt645_addr finds the address", run(f"{other}/dlt645_addr", "-p", port, *line)[:2],
        (0, f"Station address: {NUMBER}"))
    energy = "energy.combined.active.total"
    got, held = steady(lambda: run(f"{other}/dlt645_aen", "-p", port, *line, NUMBER)[1], ours(energy))
    case("dlt645_aen reads the energy", got, f"Active energy: {number(held)} kWh")
    status, _, err = run(f"{other}/dlt645_addr", "-p", f"{folder}/sim-sixteen", *line)
    case(
        "dlt645_addr ends a frame at the first 16H, here in address 202311001601",
        (status, "framedata[7]" in err), (1, True))

    def client(*wanted):
        lines = run(sys.executable, f"{here}/dlt645_master.py", port, NUMBER, *wanted)[1].splitlines()
        return [line.split(maxsplit=1)[1].strip() for line in lines if " " in line]

    case("dlt645's master finds the address, its last digits first", client("address"), ["010011112320"])
    for identifier, quantity in (
        ("00010000", "energy.import.active.total"), ("00000000", energy), ("02800002", "frequency"),
        ("02010100", "voltage.l1"),
    ):
        got, held = steady(lambda: client(identifier), ours(quantity))
        case(f"dlt645's master reads {quantity}", got, [number(held)])
    got, held = steady(
        lambda: client("01010000"),
        lambda: probe(port, "dlt645-2007", NUMBER, "--serial", "2400 8N1", "demand.import.active.total")[1])
    # It takes minute, hour, day, month, year, as they travel, for year, month, day, hour, minute.
    at = datetime.datetime.fromisoformat(held["demand.import.active.total at"])
    try:
        wrong = str(datetime.datetime(2000 + at.minute, at.hour, at.day, at.month, at.year % 100))
        expected = [f"{number(held['demand.import.active.total'])} {wrong}"]
    except ValueError:
        expected = ["no value, ValueError"]
    case(f"dlt645's master takes the time of a demand, {at}, from its wrong end", got, expected)
    case("dlt645's master reads the meter's number", client("04000401"), [NUMBER])


def number(text):
    """A decimal as Python prints a float."""
    return str(float(text)) if isinstance(text, str) else text


def main():
    modbus_meters()
    dlt645_meters()
    simulated()


try:
    main()
finally:
    for process in list(started):
        end(process)
sys.exit(1 if disagreements else 0)
