package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Connections whose requests do not come, more of them than there may be. */
class SlowConnectionsTest extends OnHttpPort {
    private static final int MOST = 4;

    private final List<Socket> sockets = new ArrayList<>();

    @Override
    Map<String, String> settings() {
        return Map.of("troupe.http.max.connections", "" + MOST);
    }

    @AfterEach
    void closeSockets() throws IOException {
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    private Socket slow(String text) throws IOException {
        Socket socket = new Socket("127.0.0.1", port());
        sockets.add(socket);
        socket.setSoTimeout((int) PATIENCE.toMillis());
        socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    @Test
    void keepNobodyOutAndEndNothingThatIsUnderWay() throws Exception {
        cluster.held = new CompletableFuture<>();
        var answer = client.sendAsync(at("/topics/t").build(), HttpResponse.BodyHandlers.ofString());
        Socket events = slow("GET /topics/t/records HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
        crowd(200, "GET /topics HTTP/1.1\r\nHost: local");
        assertEquals("HTTP/1.1 200 OK", probe());
        // The first that came had to go.
        assertTrue(hasEnded(sockets.get(1)));
        cluster.held.complete(null);
        assertEquals(200, answer.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).statusCode());
        assertEquals('H', events.getInputStream().read());
        crowd(10 * MOST, "");
        assertEquals("HTTP/1.1 200 OK", probe());
        cluster.add(0, "1");
        assertEquals("data: {", awaitData(events));
    }

    /**
     * So many, until no more of them are left than there may be: while they still come, nobody is the newest for long, and who has sent a
     * request that is not read yet may be the one that goes.
     */
    private void crowd(int count, String text) throws IOException {
        List<Socket> left = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            left.add(slow(text));
        }
        for (Socket socket : left) {
            socket.setSoTimeout(1);
        }
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (left.size() > MOST) {
            left.removeIf(SlowConnectionsTest::hasEnded);
            assertTrue(System.nanoTime() < deadline, left.size() + " are left");
        }
        for (Socket socket : sockets) {
            socket.setSoTimeout((int) PATIENCE.toMillis());
        }
    }

    /** On a connection of its own, as probes do: one that was kept for the next request may end just when that is sent. */
    private String probe() throws IOException {
        Socket socket = slow("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII)).readLine();
    }

    private static boolean hasEnded(Socket socket) {
        try {
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    private static String awaitData(Socket events) throws IOException {
        StringBuilder text = new StringBuilder();
        while (text.indexOf("data: {") < 0) {
            int next = events.getInputStream().read();
            if (next < 0) {
                return "ended after " + text;
            }
            text.append((char) next);
        }
        return "data: {";
    }
}
