package io.troupe.partition;

import io.troupe.model.Refusal;
import io.troupe.partition.Replica.Append;
import io.troupe.partition.Replica.AwaitData;
import io.troupe.partition.Replica.DeleteRecords;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.DeadLetter;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.eventstream.EventStream;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/**
 * Answers what was told to a Replica that had ended by then. A handler finds a leader in {@link LocalReplicas} and tells it
 * without a lock, so the partition may be deleted in between; a request without answer would stop its connection for good
 * and hold its bytes of the in-flight budget.
 */
final class LostRequests {
    private LostRequests() {}

    static Behavior<DeadLetter> create() {
        return Behaviors.setup(context -> {
            context.getSystem().eventStream().tell(new EventStream.Subscribe<>(DeadLetter.class, context.getSelf()));
            return Behaviors.receiveMessage(letter -> {
                if (letter.message() instanceof Append append) {
                    LeaderState.refuseNotLeader(append);
                } else if (letter.message() instanceof DeleteRecords delete) {
                    RecordDeletions.refuse(delete.reply(), Refusal.of(Errors.NOT_LEADER_OR_FOLLOWER));
                } else if (letter.message() instanceof AwaitData await) {
                    DataWaiters.call(await.waiter());
                }
                return Behaviors.same();
            });
        });
    }
}
