package io.troupe.journal;

import com.typesafe.config.Config;
import io.troupe.journal.JournalCommand.Done;
import io.troupe.journal.JournalCommand.Failed;
import io.troupe.journal.JournalCommand.LogStartAdvanced;
import io.troupe.journal.JournalCommand.Reply;
import io.troupe.model.Refusal;
import io.troupe.record.Batches;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.AbstractActor;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.DeleteMessagesFailure;
import org.apache.pekko.persistence.DeleteMessagesSuccess;
import org.apache.pekko.persistence.JournalProtocol.DeleteMessagesTo;
import org.apache.pekko.persistence.JournalProtocol.RecoverySuccess;
import org.apache.pekko.persistence.JournalProtocol.ReplayMessages;
import org.apache.pekko.persistence.JournalProtocol.ReplayMessagesFailure;
import org.apache.pekko.persistence.JournalProtocol.ReplayedMessage;
import org.apache.pekko.persistence.JournalProtocol.WriteMessageFailure;
import org.apache.pekko.persistence.JournalProtocol.WriteMessageSuccess;
import org.apache.pekko.persistence.JournalProtocol.WriteMessages;
import org.apache.pekko.persistence.PersistentEnvelope;
import org.apache.pekko.persistence.PersistentRepr;
import scala.jdk.javaapi.CollectionConverters;

/**
 * The Pekko Persistence journal of one log dir, or of the metadata voter: a thin actor over {@link LogDir}, on a thread of
 * its own. It keeps no state, so a restart loses none.
 *
 * <pre>
 * WriteMessages, payload LogAppend         gathering write to the open log
 * WriteMessages, payload JournaledRecord   a batch of one record, fsynced before the answer
 * ReplayMessages                           JournaledRecords; nothing for partitions
 * ReplayMessages, highest sequence number  the LEO
 * JournalCommand                           see there
 * </pre>
 *
 * <p>It answers Persistence's journal protocol itself, which Pekko keeps for its own use: {@code AsyncWriteJournal}, the
 * public base class, adds three futures, a circuit breaker and a message to each write, a tenth of what a produce request
 * costs. {@code JournalPluginTest} holds what typed persistent actors rely on.
 *
 * <p>A write that fails makes Persistence stop its actor. That is meant: the owner resigns and opens again.
 */
final class JournalPlugin extends AbstractActor {
    private static final int REPLAY_BYTES = 1 << 20;

    private final Journals journals;
    private final LogDir dir;
    private final boolean metadata;

    /** Called by Pekko with the plugin's own settings and where they stand. */
    JournalPlugin(Config config, String configPath) {
        this.journals = getContext()
                .getSystem()
                .settings()
                .setup()
                .get(Journals.class)
                .orElseThrow(() -> new IllegalStateException(
                        "the actor system was started without Journals in its ActorSystemSetup"));
        this.dir = journals.dirOf(configPath);
        this.metadata = journals.isMetadata(configPath);
    }

    @Override
    public Receive createReceive() {
        return receiveBuilder()
                .match(WriteMessages.class, this::onWriteMessages)
                .match(JournalCommand.Open.class, this::onOpen)
                .match(JournalCommand.Reconfigure.class, c -> dir.reconfigure(c.persistenceId(), c.config()))
                .match(JournalCommand.StartEpoch.class, this::onStartEpoch)
                .match(JournalCommand.Truncate.class, this::onTruncate)
                .match(JournalCommand.StartAt.class, this::onStartAt)
                .match(JournalCommand.AdvanceLogStart.class, this::onAdvanceLogStart)
                .match(JournalCommand.CheckpointHighWatermark.class, this::onCheckpointHighWatermark)
                .match(JournalCommand.Close.class, this::onClose)
                .match(JournalCommand.Delete.class, this::onDelete)
                .match(ReplayMessages.class, this::onReplayMessages)
                .match(DeleteMessagesTo.class, this::onDeleteMessagesTo)
                .build();
    }

    // ---- Persistence ----

    private void onWriteMessages(WriteMessages write) {
        for (PersistentEnvelope envelope : CollectionConverters.asJava(write.messages())) {
            // The other kind is an event that a classic actor asks to have handed back in order; typed ones have none.
            AtomicWrite events = (AtomicWrite) envelope;
            CompletableFuture<Void> written = append(events);
            if (written.isDone() && !written.isCompletedExceptionally()) {
                succeeded(write, events);
            } else {
                written.whenComplete((done, e) -> {
                    if (e == null) {
                        succeeded(write, events);
                    } else {
                        failed(write, events, cause(e));
                    }
                });
            }
        }
    }

    // Persistence's own base class answers each WriteMessages as a whole, too; typed persistent actors drop that
    // answer.

    private static void succeeded(WriteMessages write, AtomicWrite events) {
        for (PersistentRepr event : CollectionConverters.asJava(events.payload())) {
            write.persistentActor().tell(new WriteMessageSuccess(event, write.actorInstanceId()), ActorRef.noSender());
        }
    }

    private static void failed(WriteMessages write, AtomicWrite events, Throwable cause) {
        for (PersistentRepr event : CollectionConverters.asJava(events.payload())) {
            write.persistentActor()
                    .tell(new WriteMessageFailure(event, cause, write.actorInstanceId()), ActorRef.noSender());
        }
    }

    private CompletableFuture<Void> append(AtomicWrite events) {
        CompletableFuture<Void> last = CompletableFuture.completedFuture(null);
        for (PersistentRepr event : CollectionConverters.asJava(events.payload())) {
            LogAppend group;
            boolean forced = false;
            if (event.payload() instanceof LogAppend append) {
                group = append;
            } else if (event.payload() instanceof JournaledRecord record) {
                group = batchOf(event.sequenceNr(), record);
                forced = true;
            } else {
                return CompletableFuture.failedFuture(new IllegalArgumentException("this journal stores LogAppend and"
                        + " JournaledRecord, not " + event.payload().getClass().getName()));
            }
            try {
                last = dir.append(
                        events.persistenceId(), event.writerUuid(), group, forced, System.currentTimeMillis());
            } catch (RuntimeException e) {
                return CompletableFuture.failedFuture(e);
            }
            if (last.isCompletedExceptionally()) {
                return last;
            }
        }
        return last;
    }

    /** The offset follows from the sequence number, so that a writer that has missed something is refused. */
    private static LogAppend batchOf(long sequenceNr, JournaledRecord record) {
        ByteBuffer batch = VoterEntry.batch(sequenceNr - 1, record.value(), System.currentTimeMillis());
        return new LogAppend(sequenceNr - 1, sequenceNr, List.of(batch), batch.remaining());
    }

    private void onReplayMessages(ReplayMessages command) {
        ActorRef owner = command.persistentActor();
        String persistenceId = command.persistenceId();
        long highest;
        LogReader reader;
        try {
            if (metadata) {
                openMetadata(persistenceId);
            }
            reader = dir.readerOf(persistenceId);
            highest = reader == null ? 0 : reader.logEndOffset();
        } catch (IOException | RuntimeException e) {
            owner.tell(new ReplayMessagesFailure(e), ActorRef.noSender());
            return;
        }
        RecoverySuccess success = new RecoverySuccess(highest);
        if (!metadata || reader == null || command.max() == 0) {
            owner.tell(success, ActorRef.noSender());
            return;
        }
        CompletableFuture.runAsync(() -> replay(command, reader, highest), dir.blockingReads())
                .whenComplete((done, e) ->
                        owner.tell(e == null ? success : new ReplayMessagesFailure(cause(e)), ActorRef.noSender()));
    }

    private void openMetadata(String persistenceId) throws IOException {
        dir.open(persistenceId, Journals.METADATA_PARTITION, Journals.METADATA_LOG);
    }

    private static void replay(ReplayMessages command, LogReader reader, long highest) {
        try {
            long left = command.max();
            long next = Math.max(reader.logStartOffset(), Math.max(0, command.fromSequenceNr() - 1));
            long end = Math.min(command.toSequenceNr(), highest);
            while (next < end && left > 0) {
                ByteBuffer batches = reader.read(next, end, REPLAY_BYTES, true);
                if (!batches.hasRemaining()) {
                    return;
                }
                for (Batches.Decoded record : Batches.records(batches)) {
                    if (record.offset() < next || left-- <= 0) {
                        continue;
                    }
                    byte[] value = new byte[record.value().remaining()];
                    record.value().get(value);
                    long sequenceNr = record.offset() + 1;
                    PersistentRepr event = PersistentRepr.apply(
                            new JournaledRecord(value),
                            sequenceNr,
                            command.persistenceId(),
                            "",
                            false,
                            ActorRef.noSender(),
                            "");
                    command.persistentActor().tell(new ReplayedMessage(event), ActorRef.noSender());
                    next = sequenceNr;
                }
            }
        } catch (IOException e) {
            throw new CompletionException(e);
        }
    }

    private void onDeleteMessagesTo(DeleteMessagesTo command) {
        advance(command.persistenceId(), command.toSequenceNr(), false)
                .whenComplete((logStart, e) -> command.persistentActor()
                        .tell(
                                e == null
                                        ? new DeleteMessagesSuccess(command.toSequenceNr())
                                        : new DeleteMessagesFailure(e, command.toSequenceNr()),
                                ActorRef.noSender()));
    }

    private CompletableFuture<Long> advance(String persistenceId, long logStartOffset, boolean active) {
        try {
            return dir.advanceLogStart(persistenceId, logStartOffset, active);
        } catch (IOException | RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    // ---- JournalCommand ----

    private void onOpen(JournalCommand.Open c) {
        dir.openBeside(c.persistenceId(), c.partition(), c.config())
                .whenComplete((opened, e) -> c.replyTo().tell(e == null ? opened : failed(e)));
    }

    private void onStartEpoch(JournalCommand.StartEpoch c) {
        answer(c.replyTo(), () -> dir.startEpoch(c.persistenceId(), c.leaderEpoch(), c.startOffset()));
    }

    private void onTruncate(JournalCommand.Truncate c) {
        answer(c.replyTo(), () -> dir.truncateBeside(c.persistenceId(), c.endOffset()));
    }

    private void onStartAt(JournalCommand.StartAt c) {
        answer(c.replyTo(), () -> dir.startAtBeside(c.persistenceId(), c.startOffset()));
    }

    private void onAdvanceLogStart(JournalCommand.AdvanceLogStart c) {
        advance(c.persistenceId(), c.logStartOffset(), c.active()).whenComplete((logStart, e) -> c.replyTo()
                .tell(
                        e == null
                                ? new LogStartAdvanced(logStart, Optional.empty())
                                : new LogStartAdvanced(-1, Optional.of(refusal(e)))));
    }

    private void onCheckpointHighWatermark(JournalCommand.CheckpointHighWatermark c) {
        dir.checkpointHighWatermark(c.persistenceId(), c.highWatermark(), System.currentTimeMillis());
    }

    private void onClose(JournalCommand.Close c) {
        answer(c.replyTo(), () -> dir.closeBeside(c.persistenceId()));
    }

    private void onDelete(JournalCommand.Delete c) {
        answer(c.replyTo(), () -> {
            CompletableFuture<Void> deleted = dir.deleteBeside(c.persistenceId(), c.partition());
            journals.forget(c.partition());
            return deleted;
        });
    }

    private static void answer(
            org.apache.pekko.actor.typed.ActorRef<Reply> replyTo, Callable<? extends CompletionStage<Void>> work) {
        try {
            work.call().whenComplete((done, e) -> replyTo.tell(e == null ? Done.DONE : failed(e)));
        } catch (Exception e) {
            replyTo.tell(failed(e));
        }
    }

    private static Failed failed(Throwable e) {
        return new Failed(refusal(e));
    }

    private static Refusal refusal(Throwable e) {
        return new Refusal(Errors.KAFKA_STORAGE_ERROR, LogDir.reason(cause(e)));
    }

    /** Without the wrapping of a future that depends on another. */
    private static Throwable cause(Throwable e) {
        return e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
    }
}
