"""TLS in front of a server that speaks none: ends the encryption and passes the bytes on."""

import asyncio
import ssl
import threading


class TlsProxy:
    """Use as a context manager. Listens on 127.0.0.1, `port`; asks clients for a certificate if told so."""

    def __init__(self, socket, certificate, key, client_ca=None):
        self._socket = str(socket)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        if client_ca is not None:
            self._context.load_verify_locations(client_ca)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self):
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    async def _serve(self):
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0, ssl=self._context)
        # A client that we refuse is no error of ours.
        self._loop.set_exception_handler(lambda *_: None)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._done.wait()
        server.close()

    async def _pass_on(self, reader, writer):
        to_reader, to_writer = await asyncio.open_unix_connection(self._socket)
        await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))


async def _copy(reader, writer):
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()
