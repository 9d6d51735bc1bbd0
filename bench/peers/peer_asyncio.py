"""A server with the conversation of server.ts, on asyncio's streams."""

import asyncio
import sys

MARKER = b"SERVER WRONG MARKER"


async def converse(reader, writer):
    try:
        try:
            message = await reader.readuntil(MARKER)
            reply = message[: -len(MARKER)] * 2
        except asyncio.IncompleteReadError:
            reply = b"ERROR:no end!"
        writer.write(reply)
        writer.write_eof()
        while await reader.read(65536):
            pass
        writer.close()
        await writer.wait_closed()
    except OSError:
        writer.close()


async def main():
    server = await asyncio.start_server(
        converse, "127.0.0.1", int(sys.argv[1]), limit=2**30, backlog=1024
    )
    print("started on", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
