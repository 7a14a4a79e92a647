package io.troupe.partition;

import io.troupe.config.LogConfig;
import io.troupe.journal.JournalCommand;
import io.troupe.journal.Journals;
import io.troupe.journal.LogAppend;
import io.troupe.model.ReplicaId;
import io.troupe.partition.Replica.Command;
import io.troupe.partition.ReplicaActor.FromJournal;
import io.troupe.partition.ReplicaActor.LogStartAdvanced;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.ActorContext;

/**
 * What one {@link ReplicaActor} asks of the journal that has its log, and the ReplicaLog that writes it. Answers come to the actor as
 * {@link FromJournal}, one at a time, and as {@link LogStartAdvanced} and {@link ReplicaActor.LogAppended}.
 */
final class ReplicaJournal implements ReplicaStorage {
    private final ReplicaSettings settings;
    private final ActorContext<Command> context;
    private final String persistenceId;
    private ActorRef journal;
    private String pluginId;
    /** What it was last told, in Open or Reconfigure. */
    private LogConfig config;
    /** Null until the first write of a leadership or of a time as follower: most of a broker's partitions are idle, and it is half of what one costs. */
    private org.apache.pekko.actor.typed.ActorRef<LogAppend> log;

    private int logs;

    ReplicaJournal(ReplicaId id, ReplicaSettings settings, ActorContext<Command> context) {
        this.settings = settings;
        this.context = context;
        this.persistenceId = Journals.persistenceId(id);
    }

    void open(TopicIdPartition partition, LogConfig newConfig) {
        find(partition);
        config = newConfig;
        tell(new JournalCommand.Open(persistenceId, partition, config, answer(JournalCommand.OpenReply.class)));
    }

    /** The log is open, so what came while it opened was not in its Open. */
    void reconfigure(LogConfig newConfig) {
        if (!newConfig.equals(config)) {
            config = newConfig;
            tell(new JournalCommand.Reconfigure(persistenceId, config));
        }
    }

    void startEpoch(int leaderEpoch, long startOffset) {
        tell(new JournalCommand.StartEpoch(
                persistenceId, leaderEpoch, startOffset, answer(JournalCommand.Reply.class)));
    }

    void cut(FollowerState.Cut cut) {
        tell(
                cut.empty()
                        ? new JournalCommand.StartAt(persistenceId, cut.offset(), answer(JournalCommand.Reply.class))
                        : new JournalCommand.Truncate(persistenceId, cut.offset(), answer(JournalCommand.Reply.class)));
    }

    void close() {
        tell(new JournalCommand.Close(persistenceId, answer(JournalCommand.Reply.class)));
    }

    /** Nobody waits for that. */
    void delete(TopicIdPartition partition) {
        find(partition);
        tell(new JournalCommand.Delete(
                persistenceId, partition, context.getSystem().ignoreRef()));
    }

    @Override
    public void rememberHighWatermark(long highWatermark) {
        tell(new JournalCommand.CheckpointHighWatermark(persistenceId, highWatermark));
    }

    @Override
    public void advanceStart(long offset, boolean active) {
        tell(new JournalCommand.AdvanceLogStart(
                persistenceId,
                offset,
                active,
                context.messageAdapter(JournalCommand.LogStartAdvanced.class, LogStartAdvanced::new)));
    }

    @Override
    public void persist(LogAppend group) {
        if (log == null) {
            // On its journal's thread: so nothing wakes another one between the two, which was a fifth of what a small
            // write costs.
            String thread = context.getSystem().settings().config().getString(pluginId + ".plugin-dispatcher");
            log = context.spawn(
                    ReplicaLog.create(persistenceId, pluginId, context.getSelf()),
                    "log-" + logs++,
                    DispatcherSelector.fromConfig(thread));
            context.watch(log);
        }
        log.tell(group);
    }

    /** @return whether there is a ReplicaLog, whose end the actor will be told */
    boolean stopLog() {
        if (log != null) {
            context.stop(log);
        }
        return log != null;
    }

    /** The ReplicaLog has ended. */
    void logEnded() {
        log = null;
    }

    private void find(TopicIdPartition partition) {
        if (journal == null) {
            pluginId = settings.pluginFor().apply(partition);
            journal = settings.journalFor().apply(pluginId);
        }
    }

    private <T> org.apache.pekko.actor.typed.ActorRef<T> answer(Class<T> type) {
        return context.messageAdapter(type, FromJournal::new);
    }

    private void tell(JournalCommand command) {
        journal.tell(command, ActorRef.noSender());
    }
}
