package io.troupe.server;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.ServerSocketChannel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** A port that is told to others before anything serves on it. */
class HeldPortTest {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    @Test
    void whoConnectsIsRefusedAndAServerMayComeAndGo() throws Exception {
        try (HeldPort held = HeldPort.onLoopback()) {
            for (int round = 0; round < 2; round++) {
                assertThrows(ConnectException.class, () -> new Socket(LOOPBACK, held.port()).close());
                try (ServerSocketChannel server = ServerSocketChannel.open()) {
                    server.bind(new InetSocketAddress(LOOPBACK, held.port()));
                    new Socket(LOOPBACK, held.port()).close();
                }
            }
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void theSystemGivesItToNobodyElse() throws Exception {
        try (HeldPort held = HeldPort.onLoopback();
                HeldPort other = HeldPort.onLoopback()) {
            assertNotEquals(held.port(), other.port());
            for (int i = 0; i < 30_000; i++) {
                try (ServerSocket any = new ServerSocket(0, 1, LOOPBACK)) {
                    assertNotEquals(held.port(), any.getLocalPort());
                }
            }
        }
    }

    @Test
    void aHostOfAnotherMachineIsNamed() {
        String message = assertThrows(StartException.class, () -> HeldPort.any(new InetSocketAddress("192.0.2.1", 0)))
                .getMessage();
        assertTrue(message.contains("192.0.2.1"), message);
    }
}
