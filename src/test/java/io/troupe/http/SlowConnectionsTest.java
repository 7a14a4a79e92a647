package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
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
        for (int i = 0; i < 200; i++) {
            slow("GET /topics HTTP/1.1\r\nHost: local");
        }
        assertEquals(200, get("/readyz").statusCode());
        // The first that came had to go.
        assertTrue(hasEnded(sockets.get(1)));
        cluster.held.complete(null);
        assertEquals(200, answer.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).statusCode());
        assertEquals('H', events.getInputStream().read());
        for (int i = 0; i < 10 * MOST; i++) {
            slow("");
        }
        assertEquals(200, get("/readyz").statusCode());
        cluster.add(0, "1");
        assertEquals("data: {", awaitData(events));
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
