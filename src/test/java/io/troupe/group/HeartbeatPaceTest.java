package io.troupe.group;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class HeartbeatPaceTest {
    private static final int SESSION_MS = 45_000;

    private final HeartbeatPace pace = new HeartbeatPace();

    @Test
    void anIntervalIsKnownFromTheSecondThatWasSeen() {
        pace.heard(1000);
        assertEquals(0, pace.holdMs(SESSION_MS, 4000));
        pace.heard(3000);
        assertEquals(2500, pace.holdMs(SESSION_MS, 4000));
    }

    @Test
    void zeroTurnsItOff() {
        pace.begin(0);
        pace.heard(1000);
        assertEquals(0, pace.holdMs(SESSION_MS, 0));
    }

    @Test
    void aClockThatStandsStillOrASilenceLongerThanTheSessionMeansNothing() {
        pace.begin(1000);
        pace.heard(1000);
        assertEquals(0, pace.holdMs(SESSION_MS, 4000));
        HeartbeatPace silent = new HeartbeatPace();
        silent.begin(0);
        silent.heard(SESSION_MS);
        assertEquals(0, silent.holdMs(SESSION_MS, 4000));
    }
}
