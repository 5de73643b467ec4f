"""One OpenSSL connection on two memory buffers, called without what pyOpenSSL does around each call."""

from itertools import pairwise

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

_LARGEST_RECORD = 16384
"""Bytes of text in one TLS record (RFC 8446 section 5.1)."""

_lib, _ffi = Binding.lib, Binding.ffi  # what pyOpenSSL itself calls


class Workspace:
    """The memory that all channels of one client read into, one after the other.

    pyOpenSSL takes 16 KB anew for each read, of which a probe makes a dozen. For one thread.
    """

    __slots__ = ("memory", "size", "view")

    def __init__(self) -> None:
        self.size = _LARGEST_RECORD
        self.memory = _ffi.new("char[]", self.size)
        self.view = _ffi.buffer(self.memory)


class Channel:
    """The calls that every probe makes, straight to OpenSSL; `connection` is pyOpenSSL's, for all others.

    Whatever fails is raised by pyOpenSSL, as one of its errors (`SSL.Error`).
    """

    __slots__ = ("_incoming", "_outgoing", "_ssl", "_workspace", "connection")

    def __init__(self, connection: SSL.Connection, workspace: Workspace) -> None:
        self.connection = connection
        self._workspace = workspace
        # pyOpenSSL hands these out nowhere.
        self._ssl = connection._ssl  # noqa: SLF001
        self._incoming = connection._into_ssl  # noqa: SLF001
        self._outgoing = connection._from_ssl  # noqa: SLF001

    def put(self, data: bytes) -> None:
        """Take what came from the network."""
        if data and _lib.BIO_write(self._incoming, data, len(data)) != len(data):
            raise MemoryError("OpenSSL could not take what was read")

    def take(self) -> bytes:
        """Return what has to go to the network now."""
        workspace = self._workspace
        data: bytes = b""
        while True:
            count: int = _lib.BIO_read(self._outgoing, workspace.memory, workspace.size)
            if count > 0:
                data += workspace.view[:count]
            if count < workspace.size:
                return data

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is complete."""
        result = _lib.SSL_do_handshake(self._ssl)
        return bool(result == 1) or self._wants_more(result)

    def read(self) -> bytes:
        """Return the text of the next record, b"" for "more bytes please"."""
        # A record is read whole, so where no bytes are left there is no text either.
        if _lib.BIO_get_mem_data(self._incoming, _ffi.NULL) <= 0:
            return b""
        workspace = self._workspace
        count = _lib.SSL_read(self._ssl, workspace.memory, workspace.size)
        if count > 0:
            text: bytes = workspace.view[:count]
            return text
        self._wants_more(count)
        return b""

    def write(self, text: bytes) -> None:
        """Put text into the tunnel."""
        while text:
            count = _lib.SSL_write(self._ssl, text, len(text))
            if count <= 0:
                self._raise(count)
            text = text[count:]  # a record at a time; commands fit into one

    def staple(self) -> bytes:
        """Return the OCSP response that came along; empty where there is none."""
        start = _ffi.new("unsigned char**")
        count = _lib.SSL_get_tlsext_status_ocsp_resp(self._ssl, start)
        return bytes(_ffi.buffer(start[0], count)) if count > 0 else b""

    def _wants_more(self, result: int) -> bool:
        """Return False where OpenSSL only waits for bytes, and raise its error otherwise."""
        if _lib.SSL_get_error(self._ssl, result) != _lib.SSL_ERROR_WANT_READ:
            self._raise(result)
        return False

    def _raise(self, result: int) -> None:
        self.connection._raise_ssl_error(self._ssl, result)  # noqa: SLF001 - reads OpenSSL's queue of errors


def presented_to(connection: SSL.Connection) -> tuple[bytes, ...]:
    """Return the certificates that the server sent, each in DER form, the leaf first."""
    stack = _lib.SSL_get_peer_cert_chain(connection._ssl)  # noqa: SLF001 - as above
    if stack == _ffi.NULL:
        return ()
    memory = _lib.BIO_new(_lib.BIO_s_mem())
    if memory == _ffi.NULL:
        raise MemoryError("OpenSSL has no memory for a chain")
    try:
        ends = [0]
        for place in range(_lib.sk_X509_num(stack)):
            if _lib.i2d_X509_bio(memory, _lib.sk_X509_value(stack, place)) != 1:
                raise MemoryError("OpenSSL has no memory for a certificate")
            ends.append(_lib.BIO_get_mem_data(memory, _ffi.NULL))
        start = _ffi.new("char**")
        _lib.BIO_get_mem_data(memory, start)
        encoded = _ffi.buffer(start[0], ends[-1])
        return tuple([encoded[begin:end] for begin, end in pairwise(ends)])
    finally:
        _lib.BIO_free(memory)
