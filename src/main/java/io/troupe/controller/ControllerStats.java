package io.troupe.controller;

import java.util.concurrent.atomic.AtomicLong;

/** What this node's controller has counted since the process started; written by the Controller, read by any thread. */
public final class ControllerStats {
    private final AtomicLong uncleanElections = new AtomicLong();
    private final AtomicLong recoveryElections = new AtomicLong();

    /** Leaders elected from beyond ISR and ELR without comparing logs: what only others held is lost. */
    public long uncleanElections() {
        return uncleanElections.get();
    }

    /** Leaders elected for having the longest log of all that were last known to be complete (rule 1.11). */
    public long recoveryElections() {
        return recoveryElections.get();
    }

    void uncleanElection() {
        uncleanElections.incrementAndGet();
    }

    void recoveryElection() {
        recoveryElections.incrementAndGet();
    }
}
