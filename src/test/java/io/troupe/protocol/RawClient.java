package io.troupe.protocol;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageSizeAccumulator;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.requests.RequestHeader;

/** A socket that speaks frames, right or wrong ones. */
final class RawClient implements AutoCloseable {
    private final Socket socket;
    private final DataOutputStream out;
    private final DataInputStream in;

    RawClient(int port) throws IOException {
        socket = new Socket("127.0.0.1", port);
        socket.setSoTimeout(30_000);
        out = new DataOutputStream(socket.getOutputStream());
        in = new DataInputStream(socket.getInputStream());
    }

    static ByteBuffer frame(
            ApiKeys key, int version, int correlationId, String clientId, ApiMessage body, int bodyVersion) {
        RequestHeader header = new RequestHeader(key, (short) version, clientId, correlationId);
        ObjectSerializationCache cache = new ObjectSerializationCache();
        MessageSizeAccumulator size = new MessageSizeAccumulator();
        header.data().addSize(size, cache, header.headerVersion());
        body.addSize(size, cache, (short) bodyVersion);
        ByteBuffer buffer = ByteBuffer.allocate(size.totalSize());
        ByteBufferAccessor writer = new ByteBufferAccessor(buffer);
        header.data().write(writer, cache, header.headerVersion());
        body.write(writer, cache, (short) bodyVersion);
        return buffer.flip();
    }

    void send(ApiKeys key, int version, int correlationId, ApiMessage body) throws IOException {
        send(frame(key, version, correlationId, "raw", body, version));
    }

    void send(ByteBuffer frame) throws IOException {
        out.writeInt(frame.remaining());
        bytes(frame.array());
    }

    void bytes(byte... bytes) throws IOException {
        out.write(bytes);
        out.flush();
    }

    void size(int size) throws IOException {
        out.writeInt(size);
        out.flush();
    }

    /** The next answer's bytes after its size; the first four are the correlation id. */
    ByteBuffer receive() throws IOException {
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes);
        return ByteBuffer.wrap(bytes);
    }

    int receiveCorrelationId() throws IOException {
        return receive().getInt();
    }

    /** Reads so many bytes and forgets them. */
    void skip(int bytes) throws IOException {
        in.skipNBytes(bytes);
    }

    /** Reads until the server ends the connection. */
    void skipToEnd() throws IOException {
        try {
            in.transferTo(OutputStream.nullOutputStream());
        } catch (SocketException e) {
            // Reset is an end too.
        }
    }

    /** Whether the server has ended the connection, with nothing more to read. Blocks until it does. */
    boolean closedByServer() throws IOException {
        try {
            return in.read() < 0;
        } catch (SocketException e) {
            return true;
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
