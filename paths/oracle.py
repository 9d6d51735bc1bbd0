"""Runs the conversations of --check with plain Python sockets.

An oracle for the tests: it shares no code with the check.

    python3 oracle.py END PAUSE TIMEOUT NAME:PORT...

PAUSE and TIMEOUT are in seconds. Prints a JSON object for each NAME: the number
of bytes received and expected, how the reply ended, and whether it was kept.
The small conversations run concurrently, and then the large ones, which would
slow them down.
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
    """Returns all that is received, and how it ended."""
    received = bytearray()
    while True:
        try:
            chunk = connection.recv(65536)
        except socket.timeout:
            return bytes(received), "silence"
        except OSError:
            return bytes(received), "reset"
        if not chunk:
            return bytes(received), "end of file"
        received += chunk


def read_some(connection):
    """Returns the first bytes received, or how it ended without any."""
    try:
        chunk = connection.recv(65536)
    except socket.timeout:
        return b"", "silence"
    except OSError:
        return b"", "reset"
    return chunk, None if chunk else "end of file"


def half_close(connection):
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # The connection is broken: reading shows how.


def half_close_after(connection):
    connection.sendall(SMALL + END)
    reply = read_to_end(connection)
    half_close(connection)
    return reply, SMALL * 2


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
    is_refused = threading.Event()

    def upload():
        sent = 0
        try:
            while sent < UPLOAD and not is_refused.is_set():
                connection.sendall(b"u" * 65536)
                sent += 65536
        except OSError:
            return  # The connection is broken.
        half_close(connection)

    uploader = threading.Thread(target=upload)
    uploader.start()
    reply, _ = read_some(connection)
    is_refused.set()
    uploader.join()
    # The refusal came through; how the upload ends makes no difference.
    return (reply, "end of file"), b"ERROR:too large!"


SMALL_CONVERSATIONS = {
    "half-close after": half_close_after,
    "half-close before": half_close_before,
    "no end marker": no_end_marker,
}
LARGE_CONVERSATIONS = {
    "slow reader": slow_reader,
    "early refusal": early_refusal,
}


def run(name, port):
    conversation = {**SMALL_CONVERSATIONS, **LARGE_CONVERSATIONS}[name]
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        (received, ending), expected = conversation(connection)
    return {
        "received": len(received),
        "expected": len(expected),
        "ending": ending,
        "kept": received == expected and ending == "end of file",
    }


def main():
    wanted = [argument.rsplit(":", 1) for argument in sys.argv[4:]]
    results = [None] * len(wanted)

    def run_one(i, name, port):
        results[i] = run(name, int(port))

    for names in SMALL_CONVERSATIONS, LARGE_CONVERSATIONS:
        threads = [
            threading.Thread(target=run_one, args=(i, name, port))
            for i, (name, port) in enumerate(wanted)
            if name in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(json.dumps(results))


main()
