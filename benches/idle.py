#!/usr/bin/env python3
"""Opens many connections to a switch, says one keep-alive on each, holds them, and says one more: all must answer.

idle.py PID HOST PORT tls|wss COUNT [SECONDS]

Prints what the switch's memory grew by for each, and its CPU while they were idle. Needs nothing but Python; sources are
127.0.1.0 and on, so that the limit of one address is not met.
"""

import json
import os
import socket
import ssl
import sys
import time

PING, PONG = b"\r\n\r\n", b"\r\n"
PER_SOURCE = 1000


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def cpu_secs(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def exactly(line, count):
    got = b""
    while len(got) < count:
        more = line.recv(count - len(got))
        if not more:
            sys.exit("the switch has closed a connection")
        got += more
    return got


def open_one(tls, host, port, number, wss):
    line = socket.socket()
    line.settimeout(20)
    line.bind((f"127.0.1.{number // PER_SOURCE}", 0))
    line.connect((host, port))
    line = tls.wrap_socket(line, server_hostname=host)
    if wss:
        line.sendall(
            f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n".encode()
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += exactly(line, 1)
        assert b" 101 " in answer, answer
    return line


def ping(line, wss):
    """RFC 5626 §3.5.1; in a WebSocket in one masked frame of text."""
    line.sendall(b"\x81\x84\0\0\0\0" + PING if wss else PING)
    answer = exactly(line, 4 if wss else 2)
    assert answer == (b"\x81\x02" + PONG if wss else PONG), answer


def main():
    pid, host, port, kind, count = sys.argv[1:6]
    secs = float(sys.argv[6]) if len(sys.argv) > 6 else 30
    wss, count = kind == "wss", int(count)
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    rss, cpu, began = rss_kib(pid), cpu_secs(pid), time.monotonic()
    lines = []
    for number in range(count):
        lines.append(open_one(tls, host, int(port), number, wss))
        ping(lines[-1], wss)
    opened, held, opening_cpu = time.monotonic() - began, rss_kib(pid), cpu_secs(pid) - cpu
    cpu, began = cpu_secs(pid), time.monotonic()
    time.sleep(secs)
    idle = (cpu_secs(pid) - cpu) / (time.monotonic() - began)
    for line in lines:
        ping(line, wss)
    print(json.dumps({
        "bench": "idle", "kind": kind, "held": len(lines), "open_per_s": round(count / opened),
        "cpu_us_per_opening": round(1e6 * opening_cpu / count), "rss_kib_per_connection": round((held - rss) / count, 1),
        "rss_kib": held, "cpu_pct_idle": round(100 * idle, 2),
    }))


main()
