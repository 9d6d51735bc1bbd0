"""Lines answered with +PONG in idiomatic asyncio."""

import asyncio
import sys


async def converse(reader, writer):
    try:
        while True:
            await reader.readuntil(b"\r\n")
            writer.write(b"+PONG\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(converse, "127.0.0.1", int(sys.argv[1]))
    port = server.sockets[0].getsockname()[1]
    print(f"started on {port}", flush=True)
    await server.serve_forever()


asyncio.run(main())
