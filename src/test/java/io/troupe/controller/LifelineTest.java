package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.config.HostPort;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When a node's process counts as ended. */
@Timeout(120)
class LifelineTest {
    private final Semaphore told = new Semaphore(0);
    private ServerSocket node;
    private Lifeline line;

    @BeforeEach
    void hold() throws Exception {
        node = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        line = new Lifeline(new HostPort("127.0.0.1", node.getLocalPort()), told::release);
        line.start();
    }

    @AfterEach
    void letGo() throws Exception {
        line.close();
        node.close();
    }

    @Test
    void aPortThatNobodyListensOnAnyMoreIsToldAgainAndAgain() throws Exception {
        var connection = node.accept();
        node.close();
        assertEquals(0, told.availablePermits(), "the process may be ending, and still has it");
        connection.close();
        assertTrue(told.tryAcquire(2, 60, TimeUnit.SECONDS));
    }

    /** As between the end of one process and the beginning of the next, or through something that stands between the two nodes. */
    @Test
    void connectionsThatEndSayNothingWhileSomebodyListens() throws Exception {
        for (int i = 0; i < 4; i++) {
            node.accept().close();
        }
        assertEquals(0, told.availablePermits());
    }

    /** A host of several addresses, of which the node has bound another one than this process tries first. */
    @Test
    void refusalsWhereNoConnectionEverWasSayNothing() throws Exception {
        var never = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        never.close();
        var toldOfIt = new Semaphore(0);
        try (var other = new Lifeline(new HostPort("127.0.0.1", never.getLocalPort()), toldOfIt::release)) {
            other.start();
            assertFalse(toldOfIt.tryAcquire(1500, TimeUnit.MILLISECONDS));
        }
    }

    /** "Connection refused" is "Verbindungsaufbau abgelehnt" on a German machine, and time-outs are of the same class. */
    @Test
    void aRefusalIsKnownByItsHaste() {
        assertTrue(Lifeline.isRefusal(TimeUnit.MILLISECONDS.toNanos(800)));
        assertFalse(Lifeline.isRefusal(TimeUnit.SECONDS.toNanos(1)), "the kernel's own time-out");
    }
}
