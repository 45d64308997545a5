"""slow-front.py PORT RATE: passes what clients send on to 127.0.0.1:PORT, at most RATE bytes a second on each connection.

What the server answers is not held up. Prints `front listening on 127.0.0.1:PORT`.
"""

import asyncio
import sys

port, rate = int(sys.argv[1]), int(sys.argv[2])


async def pass_on(reader, writer, slowly):
    free_at = 0.0
    try:
        while data := await reader.read(1 << 14):
            if slowly:
                now = asyncio.get_running_loop().time()
                free_at = max(free_at, now) + len(data) / rate
                await asyncio.sleep(free_at - now)
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(pass_on(reader, inner_writer, True), pass_on(inner_reader, writer, False))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print("front listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
