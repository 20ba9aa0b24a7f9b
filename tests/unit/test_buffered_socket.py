import socket

from ingest.buffered_client import BufferedSocket


def test_what_waits_to_be_sent_is_sent_before_the_socket_closes() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        connection = BufferedSocket(ours)
        connection.send(b"acknowledged")
        connection.send(b", and farewell")
        connection.close()

        theirs.settimeout(60)
        assert theirs.recv(100) == b"acknowledged, and farewell"
        assert theirs.recv(100) == b""


def test_a_broken_connection_closes_quietly() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    connection = BufferedSocket(ours)
    connection.send(b"nobody hears it")
    connection.close()
    assert connection.fileno() == -1
