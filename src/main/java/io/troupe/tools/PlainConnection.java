package io.troupe.tools;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.types.RawTaggedField;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * A connection of our own to one broker, for what Kafka's admin client does not tell: tagged fields that other clients pass over. One
 * thread.
 */
final class PlainConnection implements AutoCloseable {
    /** The tag under which brokers of Troupe tell what Kafka's messages have no field for. */
    static final int TAG = 10_000;

    private static final int PATIENCE_MS = 10_000;
    private static final int MOST_ANSWER_BYTES = 100 << 20;

    private final Socket socket = new Socket();

    PlainConnection(Node to) throws IOException {
        try {
            socket.connect(new InetSocketAddress(to.host(), to.port()), PATIENCE_MS);
            socket.setSoTimeout(PATIENCE_MS);
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    AbstractResponse exchange(ApiKeys key, short version, AbstractRequest.Builder<? extends AbstractRequest> request)
            throws IOException {
        RequestHeader header = new RequestHeader(key, version, "troupe-tools", 0);
        ByteBuffer bytes = request.build(version).serializeWithHeader(header);
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        out.writeInt(bytes.remaining());
        out.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
        out.flush();
        DataInputStream in = new DataInputStream(socket.getInputStream());
        int size = in.readInt();
        if (size < 0 || size > MOST_ANSWER_BYTES) {
            throw new IOException("no answer of Kafka's protocol: " + size + " bytes");
        }
        return AbstractResponse.parseResponse(ByteBuffer.wrap(in.readNBytes(size)), header);
    }

    /** The content of that tag; null when there is none. */
    static ByteBuffer tagged(List<RawTaggedField> fields) {
        return fields.stream()
                .filter(f -> f.tag() == TAG)
                .map(f -> ByteBuffer.wrap(f.data()))
                .findFirst()
                .orElse(null);
    }

    /** The same where it has that size; else null. */
    static ByteBuffer tagged(List<RawTaggedField> fields, int bytes) {
        ByteBuffer found = tagged(fields);
        return found != null && found.remaining() == bytes ? found : null;
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            // Nothing was to come any more.
        }
    }
}
