package io.troupe.partition;

import io.troupe.journal.LogAppend;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.TypedActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.Recovery;

/**
 * The persistent half of a Replica, its child: persists groups of batches, one at a time, and tells the Replica. Nothing is
 * replayed at its start, for the Replica knows the log from the journal's own recovery; its state is the LEO only.
 *
 * <p>The Replica sends a group only after the one before was persisted, so the stash never grows. A journal that fails or
 * rejects a write ends this actor, which the Replica watches.
 */
final class ReplicaLog extends EventSourcedBehavior<LogAppend, LogAppend, Long> {
    private final String journalPluginId;
    private final ActorRef<Replica.Command> replica;

    private ReplicaLog(String persistenceId, String journalPluginId, ActorRef<Replica.Command> replica) {
        super(PersistenceId.ofUniqueId(persistenceId));
        this.journalPluginId = journalPluginId;
        this.replica = replica;
    }

    static Behavior<LogAppend> create(String persistenceId, String journalPluginId, ActorRef<Replica.Command> replica) {
        return Behaviors.setup(context -> {
            // Pekko tells every command at debug level otherwise, with its buffers.
            context.setLoggerName(ReplicaLog.class);
            return new ReplicaLog(persistenceId, journalPluginId, replica);
        });
    }

    /** Pekko tells its event stream of every event otherwise, which wakes another thread for each write, and nobody listens. */
    @Override
    @SuppressWarnings("unchecked") // Scala's trait extends a class, which Java does not see
    public Behavior<LogAppend> apply(TypedActorContext<LogAppend> context) {
        return (Behavior<LogAppend>) createEventSourcedBehavior().withEventPublishing(false);
    }

    @Override
    public Long emptyState() {
        return 0L;
    }

    @Override
    public String journalPluginId() {
        return journalPluginId;
    }

    @Override
    public String snapshotPluginId() {
        return "pekko.persistence.no-snapshot-store";
    }

    @Override
    public Recovery recovery() {
        return Recovery.disabled();
    }

    @Override
    public CommandHandler<LogAppend, LogAppend, Long> commandHandler() {
        return (end, append) ->
                Effect().persist(append).thenRun(newEnd -> replica.tell(new ReplicaActor.LogAppended(newEnd)));
    }

    @Override
    public EventHandler<Long, LogAppend> eventHandler() {
        return (end, append) -> append.endOffset();
    }
}
