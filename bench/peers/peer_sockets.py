"""A server with the conversation of server.ts, on blocking sockets and threads,
as in the recipe: chunks of 8 KiB, the last two joined to find the marker.
"""

import socket
import sys
import threading

MARKER = b"SERVER WRONG MARKER"


def recv_end(conn):
    """Returns the data before the marker; None if there is no marker."""
    chunks = []
    while chunk := conn.recv(8192):
        chunks.append(chunk)
        pair = b"".join(chunks[-2:])
        found = pair.find(MARKER)
        if found >= 0:
            chunks[-2:] = [pair[:found]]
            return b"".join(chunks)
    return None


def converse(conn):
    with conn:
        try:
            data = recv_end(conn)
            conn.sendall(b"ERROR:no end!" if data is None else data * 2)
            conn.shutdown(socket.SHUT_WR)
            while conn.recv(65536):
                pass
        except OSError:
            pass


with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024) as server:
    print("started on", server.getsockname()[1], flush=True)
    while True:
        conn, _ = server.accept()
        threading.Thread(target=converse, args=(conn,), daemon=True).start()
