import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** One connection that costs its client next to nothing: requests are bytes, and of an answer only its end is looked for. Of one thread. */
final class HttpSocket implements AutoCloseable {
    private final Socket socket;
    private final InputStream in;
    private final String host;
    private final byte[] line = new byte[8192];
    private byte[] body = new byte[1 << 16];
    private int bodyBytes;

    HttpSocket(String address) throws IOException {
        int colon = address.lastIndexOf(':');
        host = address;
        socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(60_000);
        in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
    }

    byte[] post(String path, String type, byte[] content) {
        byte[] head = ("POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: " + type + "\r\nContent-Length: " + content.length + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII);
        byte[] all = new byte[head.length + content.length];
        System.arraycopy(head, 0, all, 0, head.length);
        System.arraycopy(content, 0, all, head.length, content.length);
        return all;
    }

    byte[] get(String path, String accept) {
        return ("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: " + accept + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
    }

    void send(byte[] request) throws IOException {
        socket.getOutputStream().write(request);
    }

    /** The whole answer's body, which {@link #body} has until the next. */
    int receive() throws IOException {
        String status = head();
        bodyBytes = 0;
        if (chunked) {
            for (int size = chunkSize(); size > 0; size = chunkSize()) {
                take(size);
                readLine();
            }
            readLine();
        } else {
            take(length);
        }
        if (!status.contains(" 200 ")) {
            throw new IOException(status + ": " + new String(body, 0, bodyBytes, StandardCharsets.UTF_8));
        }
        return bodyBytes;
    }

    /** The answer's head and the first bytes of a stream. */
    void begin() throws IOException {
        String status = head();
        if (!status.contains(" 200 ") || !chunked) {
            throw new IOException(status);
        }
        take(chunkSize());
        readLine();
    }

    /** The last so many bytes of the body. */
    String tail(int bytes) {
        int from = Math.max(0, bodyBytes - bytes);
        return new String(body, from, bodyBytes - from, StandardCharsets.UTF_8);
    }

    private boolean chunked;
    private int length;

    private String head() throws IOException {
        chunked = false;
        length = 0;
        String status = readLine();
        for (String header = readLine(); !header.isEmpty(); header = readLine()) {
            if (header.regionMatches(true, 0, "Content-Length:", 0, 15)) {
                length = Integer.parseInt(header.substring(15).trim());
            } else if (header.regionMatches(true, 0, "Transfer-Encoding: chunked", 0, 26)) {
                chunked = true;
            }
        }
        return status;
    }

    private int chunkSize() throws IOException {
        return Integer.parseInt(readLine(), 16);
    }

    private String readLine() throws IOException {
        int n = 0;
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0 || n == line.length) {
                throw new EOFException("the connection ended");
            }
            line[n++] = (byte) b;
        }
        return new String(line, 0, n > 0 && line[n - 1] == '\r' ? n - 1 : n, StandardCharsets.US_ASCII);
    }

    private void take(int bytes) throws IOException {
        if (bodyBytes + bytes > body.length) {
            body = java.util.Arrays.copyOf(body, Math.max(bodyBytes + bytes, 2 * body.length));
        }
        if (in.readNBytes(body, bodyBytes, bytes) < bytes) {
            throw new EOFException("the connection ended");
        }
        bodyBytes += bytes;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
