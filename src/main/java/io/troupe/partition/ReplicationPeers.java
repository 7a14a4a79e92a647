package io.troupe.partition;

import io.troupe.controller.ControllerClient;
import io.troupe.metadata.MetadataCache;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * What Replicas need of other nodes. Any thread.
 *
 * @param links this broker's ends of its links to other brokers
 * @param metadata what is committed of other brokers
 * @param lagTimeMaxMs {@code replica.lag.time.max.ms}
 * @param readFollowers whether consumers are sent to followers, which must then hear of each HW at once
 * @param monotonicMs a clock that never jumps
 */
public record ReplicationPeers(
        ActorRef<ReplicaLinks.Command> links,
        ControllerClient controller,
        MetadataCache metadata,
        long lagTimeMaxMs,
        boolean readFollowers,
        LongSupplier monotonicMs)
        implements InSyncReplicas.Brokers {

    long tickMs() {
        return monotonicMs.getAsLong();
    }

    @Override
    public boolean mayJoin(int brokerId, long brokerEpoch) {
        return metadata.current()
                .broker(brokerId)
                .filter(b -> b.brokerEpoch() == brokerEpoch && !b.fenced() && !b.inControlledShutdown())
                .isPresent();
    }

    @Override
    public long brokerEpoch(int brokerId) {
        return metadata.current().broker(brokerId).map(b -> b.brokerEpoch()).orElse(-1L);
    }
}
