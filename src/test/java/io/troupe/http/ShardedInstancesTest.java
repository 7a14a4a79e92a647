package io.troupe.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ShardedInstancesTest {
    private static final InstanceReply PASSES = InstanceReply.Refused.of(HttpFailure.tryAgain("moving"));
    private static final InstanceReply DONE = new InstanceReply.Done();

    private static InstanceReply answer(InstanceAction action, long patienceMs, InstanceReply... replies)
            throws Exception {
        ArrayDeque<InstanceReply> left = new ArrayDeque<>(List.of(replies));
        return ShardedInstances.whilePassing(
                        () -> CompletableFuture.completedFuture(left.poll()),
                        action,
                        System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMs))
                .toCompletableFuture()
                .get(60, TimeUnit.SECONDS);
    }

    @Test
    void whatPassesByItselfIsWaitedFor() throws Exception {
        InstanceAction commit = new InstanceAction.Commit(null);
        assertEquals(DONE, answer(commit, 60_000, PASSES, PASSES, DONE));
        InstanceReply refused = new InstanceReply.Refused(HttpFailure.ILLEGAL_STATE, "no");
        assertEquals(refused, answer(commit, 60_000, refused, DONE));
        assertEquals(PASSES, answer(commit, 0, PASSES, DONE));
    }

    /** The broker that is to run it runs as many as it may. */
    @Test
    void whoIsNotTakenInIsToldSo() throws Exception {
        InstanceDefinition definition = InstanceRequests.definition("g", new byte[0]);
        assertEquals(PASSES, answer(new InstanceAction.Create(definition), 60_000, PASSES, DONE));
    }

    @Test
    void whatPassesIsToldWithAStatusThatSaysSo() {
        assertEquals(503, ((InstanceReply.Refused) PASSES).failure().status());
    }
}
