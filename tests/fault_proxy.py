"""A TCP proxy on loopback that misbehaves as it is told, and counts. With a certificate it ends TLS too.

    with FaultProxy(server.url) as proxy:
        proxy.add("cut", after=1 << 20, direction="down")
        ... talk to proxy.url ...
        assert proxy.fired == 1

Bytes are counted from the moment a fault is added, over all connections, so that a test need not know which of its
pooled connections a request takes.
"""

import asyncio
import dataclasses
import threading
import urllib.parse

PIECE = 256 << 10


@dataclasses.dataclass
class Fault:
    kind: str       # cut: what came before arrives, then the end; reset: at once, both ways; stall: nothing more
                    # comes and nothing ends; slow: `rate` bytes a second
    direction: str  # "up", to the server, or "down"
    after: int      # bytes in that direction
    times: int      # then again after as many bytes
    connection: int | None  # only on the n-th connection since the fault was added, from 1
    rate: int
    seen: int = 0
    first_connection: int = 0


class FaultProxy:
    def __init__(self, upstream, tls=None):
        """upstream: a URL; tls: (certificate file, key file)."""
        address = urllib.parse.urlsplit(upstream)
        self.upstream = (address.hostname, address.port)
        self.bytes = {"up": 0, "down": 0}
        self.connections = 0
        self.fired = 0
        self._faults = []
        self._lock = threading.Lock()
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        context = None
        if tls:
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context))
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def add(self, kind, after=0, direction="up", times=1, connection=None, rate=0):
        with self._lock:
            self._faults.append(Fault(kind, direction, after, times, connection, rate,
                                      first_connection=self.connections))

    def reset(self):
        """Ends all faults, and counts from nothing."""
        with self._lock:
            self._faults.clear()
            self.bytes = {"up": 0, "down": 0}
            self.connections = self.fired = 0

    def close(self):
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _stop(self):
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        with self._lock:
            self.connections += 1
            number = self.connections
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            writer.transport.abort()
            return
        writers = {writer, up_writer}
        self._writers |= writers
        try:
            await asyncio.gather(self._pass("up", reader, up_writer, writers, number),
                                 self._pass("down", up_reader, writer, writers, number))
        except asyncio.CancelledError:
            pass  # the proxy is being closed
        finally:
            for one in writers:
                one.transport.abort() if one.is_closing() else one.close()
            self._writers -= writers

    async def _pass(self, direction, reader, writer, both, number):
        try:
            while piece := await reader.read(PIECE):
                passed, fault = self._judge(direction, piece, number)
                if fault is None or fault.kind == "slow":
                    writer.write(piece)
                    await writer.drain()
                    if fault:
                        await asyncio.sleep(len(piece) / fault.rate)
                    continue
                if fault.kind == "reset":
                    for one in both:
                        one.transport.abort()
                    return
                writer.write(piece[:passed])
                await writer.drain()
                if fault.kind == "stall":
                    await asyncio.Event().wait()  # until the proxy is closed, or the other side ends
                for one in both:
                    one.close()
                return
            if writer.can_write_eof():
                writer.write_eof()
            else:
                writer.close()
        except OSError:
            for one in both:
                one.transport.abort()

    def _judge(self, direction, piece, number):
        """How much of the piece still passes, and the fault that befalls the rest of it."""
        with self._lock:
            for fault in self._faults:
                if fault.direction != direction:
                    continue
                if fault.connection not in (None, number - fault.first_connection):
                    continue
                before, fault.seen = fault.seen, fault.seen + len(piece)
                if fault.kind == "slow":
                    self.fired += fault.seen > fault.after >= before
                    self.bytes[direction] += len(piece)
                    return len(piece), fault if fault.seen > fault.after else None
                if fault.times and fault.seen > fault.after:
                    fault.times -= 1
                    fault.seen = 0
                    self.fired += 1
                    passed = max(0, fault.after - before)
                    self.bytes[direction] += passed
                    return passed, fault
            self.bytes[direction] += len(piece)
            return len(piece), None
