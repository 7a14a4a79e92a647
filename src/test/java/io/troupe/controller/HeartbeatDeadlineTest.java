package io.troupe.controller;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.remote.FailureDetectorLoader;
import org.apache.pekko.testkit.javadsl.TestKit;
import org.junit.jupiter.api.Test;

/** When a member that answers no heartbeats counts as unreachable. */
class HeartbeatDeadlineTest {
    private static final long DEADLINE_MS = 4500;

    private long nowMs = 77_000;
    private final HeartbeatDeadline member = new HeartbeatDeadline(DEADLINE_MS, () -> nowMs);

    @Test
    void whoeverWasNeverHeardIsNotJudged() {
        assertTrue(asked(60_000));
        assertFalse(member.isMonitoring());
    }

    /** However regular or irregular its heartbeats were before. */
    @Test
    void theDeadlineIsTheSameWhateverCameBefore() {
        for (long pauseMs : new long[] {1000, 900, 4000, 100, 3800, 1000}) {
            member.heartbeat();
            assertTrue(asked(pauseMs));
        }
        member.heartbeat();
        assertTrue(asked(DEADLINE_MS - 1));
        assertFalse(asked(1));
    }

    @Test
    void oneHeartbeatBringsItBackAtOnce() {
        member.heartbeat();
        assertFalse(asked(60_000));
        member.heartbeat();
        assertTrue(member.isAvailable());
        assertTrue(asked(DEADLINE_MS - 1));
    }

    /** What came while it stood still is read after it was asked. */
    @Test
    void timeInWhichThisProcessStoodStillCountsForNobody() {
        member.heartbeat();
        assertTrue(asked(2000));
        nowMs += 60_000;
        assertTrue(member.isAvailable());
        assertFalse(asked(DEADLINE_MS - 2000 - HeartbeatDeadline.MOST_BETWEEN_MS), "but it is not forgiven for good");
    }

    /** With the times of the shipped configuration: a node that stands still for 3 s is not even suspected. */
    @Test
    void theClusterUsesIt() {
        Config shipped = ConfigFactory.parseResources("troupe.conf")
                .withFallback(ConfigFactory.load())
                .resolve()
                .getConfig("pekko.cluster");
        ActorSystem system = ActorSystem.create();
        try {
            Config detector = shipped.getConfig("failure-detector");
            assertInstanceOf(
                    HeartbeatDeadline.class,
                    FailureDetectorLoader.load(detector.getString("implementation-class"), detector, system));
            long askedMs =
                    shipped.getDuration("unreachable-nodes-reaper-interval").toMillis();
            assertTrue(2 * askedMs <= HeartbeatDeadline.MOST_BETWEEN_MS);
            long beatMs = detector.getDuration("heartbeat-interval").toMillis();
            long pauseMs = detector.getDuration("acceptable-heartbeat-pause").toMillis();
            assertEquals(DEADLINE_MS, beatMs + pauseMs);
        } finally {
            TestKit.shutdownActorSystem(system);
        }
    }

    /** What the others try to reach in vain for long, they must try often enough when it is there again: five times this is the most. */
    @Test
    void aNodeThatWasStartedAgainIsReachedSoon() {
        Config shipped = ConfigFactory.parseResources("troupe.conf")
                .withFallback(ConfigFactory.load())
                .resolve();
        long pauseMs = shipped.getDuration("pekko.remote.artery.advanced.outbound-restart-backoff")
                .toMillis();
        assertTrue(5 * pauseMs <= 1500, () -> pauseMs + " ms");
        // Seen with pauses so short: a killed peer's streams failed five times within 5 s, and remoting ended this
        // node.
        assertTrue(shipped.getInt("pekko.remote.artery.advanced.outbound-max-restarts") > 1000);
    }

    /** Asked twice a second, as the cluster does. @return what it says at the end */
    private boolean asked(long ms) {
        for (long left = ms; left > 0; left -= 500) {
            nowMs += Math.min(500, left);
            member.isAvailable();
        }
        return member.isAvailable();
    }
}
