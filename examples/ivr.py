#!/usr/bin/env python3
"""A menu led by a program of one's own: asks for an account, says it back, and brings gold customers to Bob.

In conf/menus.toml:   [ivr]
                      hook = "http://127.0.0.1:8085/"
                      says = ["welcome", "digits"]
                      leads = ["person:bob", "queue:support"]
                      otherwise = "queue:support"
Then: python3 examples/ivr.py 8085
"""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOLD = {"4711", "4712"}


def next_step(call):
    """What happened (call["event"]) and what is known of the caller; the answer is the next verb."""
    event, account = call["event"], call["fields"].get("account")
    if event == "started" or event == "collected" and not call["digits"]:
        if call["step"] > 2:
            return {"verb": "go", "to": "queue:support"}
        return {"verb": "collect", "ask": "welcome", "max": 6, "end": "#"}
    if event == "collected":
        return {"verb": "say", "say": "digits:account", "set": {"account": call["digits"]}}
    if event == "said" and account in GOLD:
        return {"verb": "dial", "to": "person:bob", "ring_secs": 20}
    if event == "party_left":
        return {"verb": "hang_up"}
    return {"verb": "go", "to": "queue:support"}


class Ivr(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept: a step takes a millisecond

    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps(next_step(call)).encode()
        print(call["call"], call["event"], call.get("digits", ""), "->", answer.decode(), flush=True)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Ivr).serve_forever()
