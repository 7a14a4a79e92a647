package io.troupe.http;

import java.util.concurrent.CompletionStage;

/** The consumer instances of the cluster, wherever they run. */
interface Instances {
    /**
     * Asks one, again and again until it answers: its broker may be gone, and then it goes on elsewhere.
     *
     * @return the answer, or fails with HttpFailure: what it refused, or 50003 when there was no answer in time
     */
    CompletionStage<InstanceReply> ask(InstanceId id, InstanceAction action, int timeoutMs);
}
