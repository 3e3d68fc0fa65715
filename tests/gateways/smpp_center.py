"""An operator's message centre, as far as SMPP 3.4 is needed: takes messages, reports on them, lets people write."""

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

BIND_TRANSCEIVER, SUBMIT, DELIVER, UNBIND, ENQUIRE = 0x09, 0x04, 0x05, 0x06, 0x15
RESPONSE = 0x80000000
ESM_RECEIPT = 0x04
SUBMIT_FAILED = 0x45


@dataclass(frozen=True)
class Submitted:
    message_id: str
    number: str
    data_coding: int
    data: bytes


class SmppCenter:
    """One account, one connection at a time. ``receipts`` by number: ``UNDELIV err:069``, or REFUSE."""

    def __init__(self, port):
        self.receipts, self.submitted = {}, []
        self._listener = socket.create_server(("127.0.0.1", port))
        self._connection, self._lock, self._numbers = None, threading.Lock(), count(1)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self):
        for end in (self._listener, self._connection):
            with suppress(OSError, AttributeError):
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def reply(self, sender, to, data, data_coding):
        """Let a person write; coding 0 is GSM-7, 8 is UCS-2."""
        self._deliver(sender, to, 0, data_coding, data)

    def report(self, submitted, status):
        """Send the receipt of a message."""
        words = f"id:{submitted.message_id} sub:001 dlvrd:000 submit date:2611230900 done date:2611230901 stat:{status}"
        self._deliver(submitted.number, "36180", ESM_RECEIPT, 0, f"{words} text:Bonjour".encode())

    def _serve(self):
        with suppress(OSError):
            while True:
                self._connection, _ = self._listener.accept()
                with self._connection, suppress(OSError, EOFError):
                    self._converse()

    def _converse(self):
        while True:
            length, command, _, sequence = struct.unpack(">IIII", self._read(16))
            body = self._read(length - 16)
            if command in (BIND_TRANSCEIVER, UNBIND, ENQUIRE):
                self._write(command | RESPONSE, 0, sequence, b"centre\0" if command == BIND_TRANSCEIVER else b"")
            elif command == SUBMIT:
                self._take(sequence, body)

    def _take(self, sequence, body):
        submitted = _parse(f"m{next(self._numbers)}", body)
        receipt = self.receipts.get(submitted.number)
        if receipt == "REFUSE":
            self._write(SUBMIT | RESPONSE, SUBMIT_FAILED, sequence, b"")
            return
        self.submitted.append(submitted)
        self._write(SUBMIT | RESPONSE, 0, sequence, submitted.message_id.encode() + b"\0")
        if receipt:
            self.report(submitted, receipt)

    def _deliver(self, sender, to, esm_class, data_coding, data):
        numbers = b"\0" + b"\1\1" + sender.lstrip("+").encode() + b"\0" + b"\0\1" + to.encode() + b"\0"
        head = bytes([esm_class, 0, 0, 0, 0, 0, 0, data_coding, 0, len(data)])
        self._write(DELIVER, 0, 1_000_000 + next(self._numbers), numbers + head + data)

    def _read(self, size):
        data = b""
        while len(data) < size:
            chunk = self._connection.recv(size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def _write(self, command, status, sequence, body):
        with self._lock:
            self._connection.sendall(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)


def _parse(message_id, body):
    """Read a submit_sm: service, source, destination, nine small fields of which two are texts, then the message."""
    _service, rest = body.split(b"\0", 1)
    _source, rest = rest[2:].split(b"\0", 1)
    number, rest = rest[2:].split(b"\0", 1)
    _schedule, rest = rest[3:].split(b"\0", 1)
    _validity, rest = rest.split(b"\0", 1)
    data_coding, length = rest[2], rest[4]
    return Submitted(message_id, f"+{number.decode()}", data_coding, rest[5 : 5 + length])
