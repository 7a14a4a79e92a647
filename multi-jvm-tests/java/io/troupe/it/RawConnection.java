package io.troupe.it;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.requests.RequestUtils;

/** A socket to the Kafka port that sends whatever it is told, right or wrong. Whatever waits does so for a minute at most. Not thread-safe. */
final class RawConnection implements AutoCloseable {
    private static final int LIMIT_MS = 60_000;

    private final Socket socket = new Socket();
    private final DataInputStream in;

    RawConnection(BrokerProcess broker) throws IOException {
        // A broker that stands still for a moment has more callers than it can queue, whom the system asks to call
        // again later.
        socket.connect(new InetSocketAddress("127.0.0.1", broker.port()), LIMIT_MS);
        socket.setSoTimeout(LIMIT_MS);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(socket.getInputStream());
    }

    /** A request's bytes without the length in front. */
    static byte[] request(ApiKeys api, int version, int correlationId, ApiMessage body) {
        short headerVersion = api.requestHeaderVersion((short) version);
        RequestHeaderData header = new RequestHeaderData()
                .setRequestApiKey(api.id)
                .setRequestApiVersion((short) version)
                .setCorrelationId(correlationId)
                .setClientId("raw");
        ByteBuffer buffer = RequestUtils.serialize(header, headerVersion, body, (short) version);
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    /** A version 1 header alone, with any numbers in it. */
    static byte[] header(int apiKey, int version, int correlationId) {
        return ByteBuffer.allocate(13)
                .putShort((short) apiKey)
                .putShort((short) version)
                .putInt(correlationId)
                .putShort((short) 3)
                .put(new byte[] {'r', 'a', 'w'})
                .array();
    }

    void send(byte[] frame) throws IOException {
        sendBytes(ByteBuffer.allocate(4 + frame.length)
                .putInt(frame.length)
                .put(frame)
                .array());
    }

    /** Exactly these bytes; a peer that has closed meanwhile is no error. */
    void sendBytes(byte[] bytes) throws IOException {
        try {
            socket.getOutputStream().write(bytes);
        } catch (SocketException e) {
            // The broker has closed already; reading shows it.
        }
    }

    void endOutput() throws IOException {
        socket.shutdownOutput();
    }

    /** The next frame without its length, or nothing when the broker closed the connection. */
    Optional<ByteBuffer> receive() throws IOException {
        try {
            byte[] bytes = new byte[in.readInt()];
            in.readFully(bytes);
            return Optional.of(ByteBuffer.wrap(bytes));
        } catch (EOFException | SocketException e) {
            return Optional.empty();
        }
    }

    /** Reads so many bytes and forgets them. */
    void skip(int bytes) throws IOException {
        in.skipNBytes(bytes);
    }

    /**
     * The same with a bound of its own, for the whole of what is waited at once.
     *
     * @throws java.net.SocketTimeoutException when nothing came; the connection is then of no more use
     */
    Optional<ByteBuffer> receive(int limitMs) throws IOException {
        socket.setSoTimeout(limitMs);
        return receive();
    }

    /** Skips a response header of that API and version. */
    static ByteBufferAccessor body(ApiKeys api, int version, ByteBuffer response) {
        response.getInt();
        if (api.responseHeaderVersion((short) version) > 0) {
            response.get(); // no tagged fields
        }
        return new ByteBufferAccessor(response);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
