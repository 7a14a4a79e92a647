package io.troupe.partition;

import io.troupe.partition.Replica.Command;
import java.time.Duration;
import java.util.function.LongConsumer;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/** Has a log's HW remembered now and then while it moves. Part of a Replica and used on its thread only. */
final class HighWatermarkCheckpoint {
    private final TimerScheduler<Command> timers;
    private final Command timer;
    private final Duration interval;
    private final LongConsumer remember;
    private long remembered;
    private boolean armed;

    /**
     * @param timer told to the Replica when it is time for {@link #remember}
     * @param remember is given the HW
     * @param remembered what the log remembers already
     */
    HighWatermarkCheckpoint(
            TimerScheduler<Command> timers, Command timer, long intervalMs, LongConsumer remember, long remembered) {
        this.timers = timers;
        this.timer = timer;
        this.interval = Duration.ofMillis(intervalMs);
        this.remember = remember;
        this.remembered = remembered;
    }

    /** The HW may have moved. */
    void moved(long highWatermark) {
        if (!armed && highWatermark != remembered) {
            armed = true;
            timers.startSingleTimer(timer, timer, interval);
        }
    }

    /** The time has come, or no other will. */
    void remember(long highWatermark) {
        armed = false;
        if (highWatermark != remembered) {
            remembered = highWatermark;
            remember.accept(highWatermark);
        }
    }
}
