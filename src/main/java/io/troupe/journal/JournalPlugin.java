package io.troupe.journal;

import com.typesafe.config.Config;
import io.troupe.journal.JournalCommand.Done;
import io.troupe.journal.JournalCommand.Failed;
import io.troupe.journal.JournalCommand.LogStartAdvanced;
import io.troupe.journal.JournalCommand.Reply;
import io.troupe.model.Refusal;
import io.troupe.record.BatchHeader;
import io.troupe.record.Batches;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.ActorRef;
import org.apache.pekko.japi.pf.ReceiveBuilder;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.persistence.journal.japi.AsyncWriteJournal;
import scala.PartialFunction;
import scala.concurrent.Future;
import scala.jdk.javaapi.CollectionConverters;
import scala.jdk.javaapi.FutureConverters;
import scala.runtime.BoxedUnit;

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
 * <p>A write that fails makes Persistence stop its actor. That is meant: the owner resigns and opens again.
 */
final class JournalPlugin extends AsyncWriteJournal {
    private static final int REPLAY_BYTES = 1 << 20;

    private final Journals journals;
    private final LogDir dir;
    private final boolean metadata;

    /** Called by Pekko with the plugin's own settings and where they stand. */
    JournalPlugin(Config config, String configPath) {
        this.journals = context()
                .system()
                .settings()
                .setup()
                .get(Journals.class)
                .orElseThrow(() -> new IllegalStateException(
                        "the actor system was started without Journals in its ActorSystemSetup"));
        this.dir = journals.dirOf(configPath);
        this.metadata = journals.isMetadata(configPath);
    }

    // ---- Persistence ----

    @Override
    public Future<Iterable<Optional<Exception>>> doAsyncWriteMessages(Iterable<AtomicWrite> messages) {
        List<CompletableFuture<Void>> writes = new ArrayList<>(1);
        for (AtomicWrite message : messages) {
            writes.add(write(message));
        }
        CompletableFuture<Void> all = writes.size() == 1
                ? writes.get(0)
                : CompletableFuture.allOf(writes.toArray(CompletableFuture<?>[]::new));
        // An empty answer: none was rejected.
        return FutureConverters.asScala(all.thenApply(done -> List.<Optional<Exception>>of()));
    }

    private CompletableFuture<Void> write(AtomicWrite message) {
        CompletableFuture<Void> last = CompletableFuture.completedFuture(null);
        for (PersistentRepr event : CollectionConverters.asJava(message.payload())) {
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
            last = dir.append(message.persistenceId(), event.writerUuid(), group, forced, System.currentTimeMillis());
            if (last.isCompletedExceptionally()) {
                return last;
            }
        }
        return last;
    }

    /** The offset follows from the sequence number, so that a writer that has missed something is refused. */
    private static LogAppend batchOf(long sequenceNr, JournaledRecord record) {
        ByteBuffer batch = Batches.single(null, record.value(), System.currentTimeMillis());
        BatchHeader.stamp(batch, batch.position(), sequenceNr - 1, 0);
        return new LogAppend(sequenceNr - 1, sequenceNr, List.of(batch), batch.remaining());
    }

    @Override
    public Future<Long> doAsyncReadHighestSequenceNr(String persistenceId, long fromSequenceNr) {
        try {
            if (metadata) {
                openMetadata(persistenceId);
            }
        } catch (IOException | RuntimeException e) {
            return FutureConverters.asScala(CompletableFuture.<Long>failedFuture(e));
        }
        LogReader reader = dir.readerOf(persistenceId);
        return FutureConverters.asScala(
                CompletableFuture.completedFuture(reader == null ? Long.valueOf(0) : (Long) reader.logEndOffset()));
    }

    private void openMetadata(String persistenceId) throws IOException {
        dir.open(persistenceId, Journals.METADATA_PARTITION, Journals.METADATA_LOG);
    }

    @Override
    public Future<Void> doAsyncReplayMessages(
            String persistenceId,
            long fromSequenceNr,
            long toSequenceNr,
            long max,
            Consumer<PersistentRepr> replayCallback) {
        if (!metadata) {
            return FutureConverters.asScala(CompletableFuture.<Void>completedFuture(null));
        }
        LogReader reader = dir.readerOf(persistenceId);
        return FutureConverters.asScala(CompletableFuture.<Void>supplyAsync(
                () -> {
                    replay(persistenceId, reader, fromSequenceNr, toSequenceNr, max, replayCallback);
                    return null;
                },
                dir.blockingReads()));
    }

    private static void replay(
            String persistenceId,
            LogReader reader,
            long fromSequenceNr,
            long toSequenceNr,
            long max,
            Consumer<PersistentRepr> callback) {
        try {
            long left = max;
            long next = Math.max(reader.logStartOffset(), Math.max(0, fromSequenceNr - 1));
            long end = Math.min(toSequenceNr, reader.logEndOffset());
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
                    callback.accept(PersistentRepr.apply(
                            new JournaledRecord(value), sequenceNr, persistenceId, "", false, ActorRef.noSender(), ""));
                    next = sequenceNr;
                }
            }
        } catch (IOException e) {
            throw new CompletionException(e);
        }
    }

    @Override
    public Future<Void> doAsyncDeleteMessagesTo(String persistenceId, long toSequenceNr) {
        try {
            return FutureConverters.asScala(
                    dir.advanceLogStart(persistenceId, toSequenceNr, false).<Void>thenApply(logStart -> null));
        } catch (IOException | RuntimeException e) {
            return FutureConverters.asScala(CompletableFuture.<Void>failedFuture(e));
        }
    }

    // ---- JournalCommand ----

    @Override
    public PartialFunction<Object, BoxedUnit> receivePluginInternal() {
        return ReceiveBuilder.create()
                .match(JournalCommand.Open.class, this::onOpen)
                .match(JournalCommand.Reconfigure.class, c -> dir.reconfigure(c.persistenceId(), c.config()))
                .match(JournalCommand.StartEpoch.class, this::onStartEpoch)
                .match(JournalCommand.Truncate.class, this::onTruncate)
                .match(JournalCommand.AdvanceLogStart.class, this::onAdvanceLogStart)
                .match(JournalCommand.CheckpointHighWatermark.class, this::onCheckpointHighWatermark)
                .match(JournalCommand.Close.class, this::onClose)
                .match(JournalCommand.Delete.class, this::onDelete)
                .build()
                .onMessage();
    }

    private void onOpen(JournalCommand.Open command) {
        try {
            command.replyTo().tell(dir.open(command.persistenceId(), command.partition(), command.config()));
        } catch (IOException | RuntimeException e) {
            command.replyTo().tell(failed(e));
        }
    }

    private void onStartEpoch(JournalCommand.StartEpoch c) {
        answer(c.replyTo(), () -> dir.startEpoch(c.persistenceId(), c.leaderEpoch(), c.startOffset()));
    }

    private void onTruncate(JournalCommand.Truncate c) {
        answer(c.replyTo(), () -> {
            dir.truncate(c.persistenceId(), c.endOffset());
            return CompletableFuture.completedFuture(null);
        });
    }

    private void onAdvanceLogStart(JournalCommand.AdvanceLogStart c) {
        CompletableFuture<Long> advanced;
        try {
            advanced = dir.advanceLogStart(c.persistenceId(), c.logStartOffset(), c.active());
        } catch (IOException | RuntimeException e) {
            advanced = CompletableFuture.failedFuture(e);
        }
        advanced.whenComplete((logStart, e) -> c.replyTo()
                .tell(
                        e == null
                                ? new LogStartAdvanced(logStart, Optional.empty())
                                : new LogStartAdvanced(-1, Optional.of(refusal(e)))));
    }

    private void onCheckpointHighWatermark(JournalCommand.CheckpointHighWatermark c) {
        dir.checkpointHighWatermark(c.persistenceId(), c.highWatermark(), System.currentTimeMillis());
    }

    private void onClose(JournalCommand.Close c) {
        answer(c.replyTo(), () -> {
            dir.closeLog(c.persistenceId());
            return CompletableFuture.completedFuture(null);
        });
    }

    private void onDelete(JournalCommand.Delete c) {
        answer(c.replyTo(), () -> {
            CompletableFuture<Void> deleted = dir.delete(c.persistenceId(), c.partition());
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
        Throwable cause = e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
        return new Refusal(Errors.KAFKA_STORAGE_ERROR, LogDir.reason(cause));
    }
}
