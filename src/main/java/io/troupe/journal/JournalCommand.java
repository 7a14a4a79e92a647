package io.troupe.journal;

import io.troupe.config.LogConfig;
import io.troupe.model.Refusal;
import io.troupe.record.ProducerStates;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * What a log's owner asks of the journal beyond Pekko's own journal protocol. Sent to the plugin's actor, the one that
 * {@link Journals#journalFor} names. Everything about one log is carried out in the order sent, appends included.
 */
public sealed interface JournalCommand {
    /** The log concerned: {@link Journals#persistenceId}. */
    String persistenceId();

    /** Opens a log, recovering it when needed; makes its directory when there is none. First command of every incarnation of an owner: writes of an older one are refused from here on. */
    record Open(String persistenceId, TopicIdPartition partition, LogConfig config, ActorRef<OpenReply> replyTo)
            implements JournalCommand {}

    /** New settings, from the next append on. */
    record Reconfigure(String persistenceId, LogConfig config) implements JournalCommand {}

    /** Records durably that a leader epoch begins at {@code startOffset}; answered once it is on disk. */
    record StartEpoch(String persistenceId, int leaderEpoch, long startOffset, ActorRef<Reply> replyTo)
            implements JournalCommand {}

    /** Cuts everything at or beyond {@code endOffset}, with index keys, epochs and producer state there. The owner must have stopped writing and opens again afterwards. */
    record Truncate(String persistenceId, long endOffset, ActorRef<Reply> replyTo) implements JournalCommand {}

    /**
     * Empties a log and begins it anew at {@code startOffset}, beyond its end: what lies between is nowhere to be had any
     * more. The owner must have stopped writing and opens again afterwards.
     */
    record StartAt(String persistenceId, long startOffset, ActorRef<Reply> replyTo) implements JournalCommand {}

    /**
     * Moves the log start offset up; answered once that is on disk. Segments wholly below it go, the active one only when
     * {@code active} is set and nothing in it is left.
     */
    record AdvanceLogStart(
            String persistenceId, long logStartOffset, boolean active, ActorRef<LogStartAdvanced> replyTo)
            implements JournalCommand {}

    /** Remembers the HW; not fsynced, no answer. */
    record CheckpointHighWatermark(String persistenceId, long highWatermark) implements JournalCommand {}

    /** Closes a log cleanly; it can be opened again. */
    record Close(String persistenceId, ActorRef<Reply> replyTo) implements JournalCommand {}

    /** Renames a log's directory away at once and deletes it after {@code file.delete.delay.ms}; also a log not open. */
    record Delete(String persistenceId, TopicIdPartition partition, ActorRef<Reply> replyTo)
            implements JournalCommand {}

    /** Where a leader epoch began. */
    record EpochStart(int leaderEpoch, long startOffset) {}

    sealed interface OpenReply permits Opened, Failed {}

    sealed interface Reply permits Done, Failed {}

    /**
     * @param reader safe from any thread until the log is closed or deleted; reads under way then still finish
     * @param highWatermark the last one remembered, within [logStartOffset, logEndOffset]
     * @param epochs ascending
     * @param producers handed over: the journal keeps no reference
     * @param cleanShutdown whether the log was closed in order before this
     */
    record Opened(
            LogReader reader,
            long logStartOffset,
            long logEndOffset,
            long highWatermark,
            List<EpochStart> epochs,
            ProducerStates producers,
            boolean cleanShutdown)
            implements OpenReply {}

    /**
     * Answers {@link AdvanceLogStart}.
     *
     * @param logStartOffset where the log starts now; of no meaning with a refusal
     */
    record LogStartAdvanced(long logStartOffset, Optional<Refusal> refusal) {}

    enum Done implements Reply {
        DONE
    }

    /** KAFKA_STORAGE_ERROR with the path and the system's reason, or a refusal of an older incarnation. */
    record Failed(Refusal refusal) implements OpenReply, Reply {}
}
