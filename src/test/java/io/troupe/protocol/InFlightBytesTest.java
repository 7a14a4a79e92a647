package io.troupe.protocol;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Who may begin a frame when. */
class InFlightBytesTest {
    private static final int MIB = 1 << 20;
    private static final int LIMIT = 32 * MIB;

    private final AtomicInteger wakes = new AtomicInteger();
    private final InFlightBytes bytes = new InFlightBytes(LIMIT, wakes::incrementAndGet);

    @Test
    void aFrameLargerThanTheLimitHasItsTurnAndIsTheOnlyLargeOne() {
        assertNotNull(bytes.tryAllocate(40 * MIB));
        assertNull(bytes.tryAllocate(5 * MIB), "the limit is reached");
        bytes.release(40 * MIB);
        assertEquals(1, wakes.get());
        assertNotNull(bytes.tryAllocate(20 * MIB));
        assertNull(bytes.tryAllocate(5 * MIB), "two large ones beyond half the limit");
        assertTrue(bytes.isOutOfMemory());
        assertTrue(bytes.scarce());
        bytes.release(20 * MIB);
        assertNotNull(bytes.tryAllocate(5 * MIB));
        assertNotNull(bytes.tryAllocate(5 * MIB), "both fit in half the limit");
        assertFalse(bytes.scarce());
    }

    @Test
    void largeOnesLeaveHalfToTheOthers() {
        assertNotNull(bytes.tryAllocate(40 * MIB));
        for (int i = 0; i < 16; i++) {
            assertNotNull(bytes.tryAllocate(MIB), "ordinary frame " + i);
        }
        assertNull(bytes.tryAllocate(MIB));
        for (int i = 0; i < LIMIT / 8 / InFlightBytes.SMALL_FRAME_BYTES; i++) {
            assertNotNull(bytes.tryAllocate(InFlightBytes.SMALL_FRAME_BYTES), "small frame " + i);
        }
        assertNull(bytes.tryAllocate(InFlightBytes.SMALL_FRAME_BYTES));
        assertEquals(40L * MIB + 16 * MIB + LIMIT / 8, bytes.used());
    }

    @Test
    void ordinaryOnesMayHaveItAllWhileThereIsNoLargeOne() {
        for (int i = 0; i < 32; i++) {
            assertNotNull(bytes.tryAllocate(MIB), "ordinary frame " + i);
        }
        assertNull(bytes.tryAllocate(MIB));
        assertNull(bytes.tryAllocate(8 * MIB));
        bytes.release(MIB);
        assertNotNull(bytes.tryAllocate(8 * MIB), "what is left, however little, lets a large one begin");
    }

    @Test
    void bytesGivenBackAfterARefusalWakeOnceAndAreTriedAgain() {
        assertNotNull(bytes.tryAllocate(20 * MIB));
        assertNotNull(bytes.tryAllocate(MIB));
        assertNull(bytes.tryAllocate(20 * MIB));
        bytes.release(MIB);
        assertFalse(bytes.isOutOfMemory(), "the Selector must try the refused frame again");
        assertEquals(1, wakes.get());
        bytes.release(20 * MIB);
        assertEquals(1, wakes.get(), "nobody was refused since");
        assertEquals(0, bytes.used());
    }
}
