package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Troupe's own bounds: what the steps of readings may hold together. */
class RecordReadingTest {
    private static final long HEAP = 1 << 30;

    /** A bound on requests that is high for the sake of idle streams costs nothing while few are at it. */
    @Test
    void fewReadersTakeLargeSteps() {
        assertEquals(256 << 10, RecordReading.stepBytes(HEAP, 1));
        assertEquals(256 << 10, RecordReading.stepBytes(HEAP, 128));
        assertEquals(128 << 10, RecordReading.stepBytes(HEAP, 256));
        assertEquals(64 << 10, RecordReading.stepBytes(HEAP, 100_000));
        assertEquals(64 << 10, RecordReading.stepBytes(64 << 20, 32));
    }

    /** None of the first has given back its step when the last one comes. */
    @Test
    void readersThatComeOneByOneHoldLittleMoreThanTheirShare() {
        long held = 0;
        for (int readers = 1; readers <= 512; readers++) {
            held += RecordReading.stepBytes(HEAP, readers);
        }
        assertTrue(held < HEAP / 32 * (1 + Math.log(4)), () -> "more than 1 + ln 4 of the share");
    }
}
