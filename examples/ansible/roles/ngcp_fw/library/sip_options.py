#!/usr/bin/python3
"""Asks a SIP server whether it answers: OPTIONS over UDP (RFC 3261 section 11)."""

import socket
import time
import uuid

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: sip_options
short_description: Ask a SIP server whether it answers
description:
  - Sends OPTIONS by UDP until a final response comes. Any will do, also a refusal. It changes nothing.
options:
  address:
    description: Address or name of the server.
    type: str
    required: true
  port:
    description: Its UDP port.
    type: int
    default: 5060
  timeout:
    description: Seconds until it has to have answered.
    type: int
    default: 5
author: ngcp-fw
"""

EXAMPLES = r"""
- name: Does SIP answer
  sip_options:
    address: 192.0.2.11
"""

RETURN = r"""
status:
  description: The first line of the response.
  type: str
  returned: success
"""


def options_request(local, target):
    """The request, from and to (address, port)."""
    def host(address):
        return "[%s]" % address if ":" in address else address

    uri = "sip:%s:%d" % (host(target[0]), target[1])
    lines = [
        "OPTIONS %s SIP/2.0" % uri,
        "Via: SIP/2.0/UDP %s:%d;branch=z9hG4bK%s;rport" % (host(local[0]), local[1], uuid.uuid4().hex),
        "Max-Forwards: 70",
        "From: <sip:ngcp-fw@%s>;tag=%s" % (host(local[0]), uuid.uuid4().hex[:8]),
        "To: <%s>" % uri,
        "Call-ID: %s" % uuid.uuid4().hex,
        "CSeq: 1 OPTIONS",
        "Contact: <sip:ngcp-fw@%s:%d>" % (host(local[0]), local[1]),
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def final_status(reply):
    """The status line of a final response (200 to 699), else None."""
    words = reply.split(b"\r\n", 1)[0].decode("utf-8", "replace")
    return words if words[:8] == "SIP/2.0 " and words[8:9] in tuple("23456") else None


def ask(address, port, timeout):
    """The status line, or None where nobody has answered in time."""
    family, kind, proto, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    end = time.monotonic() + timeout
    with socket.socket(family, kind, proto) as sock:
        sock.connect(target)
        request = options_request(sock.getsockname(), target)
        while time.monotonic() < end:
            try:
                sock.settimeout(0.5)  # T1 of RFC 3261 section 17.1.1.1
                sock.send(request)
                status = final_status(sock.recv(65535))
                if status:
                    return status
            except OSError:  # nothing came, or nobody listens yet
                time.sleep(0.1)
    return None


def main():
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 5060},
            "timeout": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    p = module.params
    try:
        status = ask(p["address"], p["port"], p["timeout"])
    except OSError as err:
        module.fail_json(msg="cannot ask %s port %d: %s" % (p["address"], p["port"], err))
    if status is None:
        module.fail_json(msg="no answer to SIP OPTIONS from %s port %d/udp within %d s" % (p["address"], p["port"], p["timeout"]))
    module.exit_json(changed=False, status=status)


if __name__ == "__main__":
    main()
