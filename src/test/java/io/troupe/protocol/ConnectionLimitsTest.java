package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import org.junit.jupiter.api.Test;

class ConnectionLimitsTest {
    private final InetAddress peer = InetAddress.getLoopbackAddress();

    @Test
    void connectionsLeaveHalfOfTheOpenFilesToTheLogs() {
        ConnectionLimits limits = new ConnectionLimits(Integer.MAX_VALUE, Integer.MAX_VALUE, 8);
        for (int i = 0; i < 4; i++) {
            assertNull(limits.acquire(peer));
        }
        String full = limits.acquire(peer);
        assertNotNull(full);
        assertTrue(full.contains("4 are open") && full.contains("ulimit -n"), full);
        limits.release(peer);
        assertNull(limits.acquire(peer));
    }

    @Test
    void aLowerLimitOfTheOperatorsIsTheOneThatIsNamed() {
        ConnectionLimits limits = new ConnectionLimits(1, Integer.MAX_VALUE, 8);
        assertNull(limits.acquire(peer));
        assertEquals("max.connections=1 are open", limits.acquire(peer));
    }
}
