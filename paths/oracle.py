"""Holds the conversations of --check with ordinary sockets.

An oracle for the tests: it shares no code with what it is compared with.
python3 oracle.py END PAUSE TIMEOUT NAME:PORT...   (seconds)
Prints for each NAME how much came back and of how much, how it ended, and
whether the last word was kept. Those of few bytes are held at the same time,
and then those of many: for time matters to the former.
"""

import json
import socket
import sys
import threading
import time

END, PAUSE, TIMEOUT = sys.argv[1].encode(), float(sys.argv[2]), float(sys.argv[3])
SMALL = b"m" * 20
LARGE = b"l" * 16 * 2**20
UPLOAD = 40 * 2**20


def read_to_end(connection):
    """All that comes, and how it ended."""
    received = bytearray()
    while True:
        try:
            piece = connection.recv(65536)
        except socket.timeout:
            return bytes(received), "silence"
        except OSError:
            return bytes(received), "reset"
        if not piece:
            return bytes(received), "end of file"
        received += piece


def read_some(connection):
    """The first bytes that come, or how it ended without any."""
    try:
        piece = connection.recv(65536)
    except socket.timeout:
        return b"", "silence"
    except OSError:
        return b"", "reset"
    return piece, None if piece else "end of file"


def half_close(connection):
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # The other side has broken the connection: the reading tells.


def half_close_after(connection):
    connection.sendall(SMALL + END)
    heard = read_to_end(connection)
    half_close(connection)
    return heard, SMALL * 2


def half_close_before(connection):
    connection.sendall(SMALL + END)
    half_close(connection)
    return read_to_end(connection), SMALL * 2


def no_end_marker(connection):
    connection.sendall(SMALL)
    half_close(connection)
    return read_to_end(connection), b"ERROR:no end!"


def slow_reader(connection):
    connection.sendall(LARGE + END)
    half_close(connection)
    first, ending = read_some(connection)
    if ending is None:
        time.sleep(PAUSE)
        rest, ending = read_to_end(connection)
        first += rest
    return (first, ending), LARGE * 2


def early_refusal(connection):
    heard = threading.Event()

    def upload():
        sent = 0
        try:
            while sent < UPLOAD and not heard.is_set():
                connection.sendall(b"u" * 65536)
                sent += 65536
        except OSError:
            return  # The other side has broken the connection.
        half_close(connection)

    uploader = threading.Thread(target=upload)
    uploader.start()
    word, _ = read_some(connection)
    heard.set()
    uploader.join()
    # What was said came through; how the upload ends is not its affair.
    return (word, "end of file"), b"ERROR:too large!"


SMALL_ONES = {
    "half-close after": half_close_after,
    "half-close before": half_close_before,
    "no end marker": no_end_marker,
}
LARGE_ONES = {
    "slow reader": slow_reader,
    "early refusal": early_refusal,
}


def hold(name, port):
    hold_it = {**SMALL_ONES, **LARGE_ONES}[name]
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        (received, ending), expected = hold_it(connection)
    return {
        "received": len(received),
        "expected": len(expected),
        "ending": ending,
        "kept": received == expected and ending == "end of file",
    }


def main():
    wanted = [argument.rsplit(":", 1) for argument in sys.argv[4:]]
    heard = [None] * len(wanted)

    def listen(i, name, port):
        heard[i] = hold(name, int(port))

    for names in SMALL_ONES, LARGE_ONES:
        threads = [
            threading.Thread(target=listen, args=(i, name, port))
            for i, (name, port) in enumerate(wanted)
            if name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(json.dumps(heard))


main()
