package io.troupe.partition;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.troupe.journal.JournalCommand;
import io.troupe.journal.LogAppend;
import io.troupe.journal.LogReader;
import io.troupe.model.Refusal;
import io.troupe.record.ProducerStates;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.kafka.common.protocol.Errors;
import org.apache.pekko.actor.setup.Setup;
import org.apache.pekko.dispatch.Futures;
import org.apache.pekko.japi.pf.ReceiveBuilder;
import org.apache.pekko.persistence.AtomicWrite;
import org.apache.pekko.persistence.PersistentRepr;
import org.apache.pekko.persistence.journal.japi.AsyncWriteJournal;
import scala.PartialFunction;
import scala.concurrent.Future;
import scala.concurrent.Promise;
import scala.runtime.BoxedUnit;

/** A journal in memory that a test holds, lets go, fails and looks into. */
final class StubJournal extends AsyncWriteJournal {
    static final String PLUGIN = "stub-journal";

    static Config config() {
        return ConfigFactory.parseString(PLUGIN + " { class = \"" + StubJournal.class.getName()
                + "\", plugin-dispatcher = \"pekko.actor.default-dispatcher\" }");
    }

    private final LogReader reader = new LogReader() {
        @Override
        public long logStartOffset() {
            return 0;
        }

        @Override
        public long logEndOffset() {
            return 0;
        }

        @Override
        public long sizeInBytes() {
            return 0;
        }

        @Override
        public List<SegmentInfo> segments() {
            return control.segments;
        }

        @Override
        public ByteBuffer read(long startOffset, long endOffset, int maxBytes, boolean minOneBatch) {
            return ByteBuffer.allocate(0);
        }

        @Override
        public Optional<TimestampedOffset> offsetForTimestamp(long timestampMs, long endOffset) {
            return Optional.empty();
        }

        @Override
        public Optional<TimestampedOffset> firstRecord(long fromOffset, long endOffset) {
            return Optional.empty();
        }

        @Override
        public Optional<TimestampedOffset> maxTimestamp(long endOffset) {
            return Optional.empty();
        }
    };

    /** A write that waits for the test. */
    record Held(LogAppend append, Runnable complete, Consumer<Exception> fail) {}

    /** The test's side, handed to the actor system. */
    static final class Control extends Setup {
        volatile boolean hold;
        volatile Errors refuseOpen;
        volatile boolean holdOpen;
        volatile Errors refuseEpoch;
        volatile Errors refuseAdvance;
        volatile boolean holdAdvance;
        volatile List<LogReader.SegmentInfo> segments = List.of();
        final BlockingQueue<Held> held = new LinkedBlockingQueue<>();
        final BlockingQueue<Runnable> heldOpens = new LinkedBlockingQueue<>();
        final BlockingQueue<JournalCommand> commands = new LinkedBlockingQueue<>();
        final Map<String, Long> ends = new ConcurrentHashMap<>();

        Held nextHeld() throws InterruptedException {
            Held next = held.poll(30, TimeUnit.SECONDS);
            if (next == null) {
                throw new AssertionError("no write reached the journal");
            }
            return next;
        }

        /** The next command of this type, others before it skipped. */
        <T extends JournalCommand> T next(Class<T> type) throws InterruptedException {
            while (true) {
                JournalCommand next = commands.poll(30, TimeUnit.SECONDS);
                if (next == null) {
                    throw new AssertionError("no " + type.getSimpleName());
                }
                if (type.isInstance(next)) {
                    return type.cast(next);
                }
            }
        }
    }

    private final Control control =
            context().system().settings().setup().get(Control.class).get();

    @Override
    public PartialFunction<Object, BoxedUnit> receivePluginInternal() {
        return ReceiveBuilder.create()
                .match(JournalCommand.class, this::onCommand)
                .build()
                .onMessage();
    }

    private void onCommand(JournalCommand command) {
        control.commands.add(command);
        if (command instanceof JournalCommand.Open open) {
            if (control.refuseOpen != null) {
                open.replyTo().tell(new JournalCommand.Failed(Refusal.of(control.refuseOpen)));
            } else {
                long end = control.ends.computeIfAbsent(open.persistenceId(), id -> 0L);
                Runnable answer = () -> open.replyTo()
                        .tell(new JournalCommand.Opened(reader, 0, end, 0, List.of(), new ProducerStates(), true));
                if (control.holdOpen) {
                    control.heldOpens.add(answer);
                } else {
                    answer.run();
                }
            }
        } else if (command instanceof JournalCommand.StartEpoch start) {
            start.replyTo()
                    .tell(
                            control.refuseEpoch == null
                                    ? JournalCommand.Done.DONE
                                    : new JournalCommand.Failed(Refusal.of(control.refuseEpoch)));
        } else if (command instanceof JournalCommand.AdvanceLogStart advance && !control.holdAdvance) {
            advance.replyTo()
                    .tell(new JournalCommand.LogStartAdvanced(
                            advance.logStartOffset(),
                            Optional.ofNullable(control.refuseAdvance).map(Refusal::of)));
        } else if (command instanceof JournalCommand.Truncate cut) {
            control.ends.put(cut.persistenceId(), cut.endOffset());
            cut.replyTo().tell(JournalCommand.Done.DONE);
        } else if (command instanceof JournalCommand.StartAt start) {
            control.ends.put(start.persistenceId(), start.startOffset());
            start.replyTo().tell(JournalCommand.Done.DONE);
        } else if (command instanceof JournalCommand.Close close) {
            close.replyTo().tell(JournalCommand.Done.DONE);
        } else if (command instanceof JournalCommand.Delete delete) {
            control.ends.remove(delete.persistenceId());
            delete.replyTo().tell(JournalCommand.Done.DONE);
        }
    }

    @Override
    public Future<Iterable<Optional<Exception>>> doAsyncWriteMessages(Iterable<AtomicWrite> messages) {
        Promise<Iterable<Optional<Exception>>> done = Futures.promise();
        List<Optional<Exception>> fine = new ArrayList<>();
        for (AtomicWrite write : messages) {
            PersistentRepr event = write.payload().head();
            LogAppend append = (LogAppend) event.payload();
            Runnable complete = () -> {
                control.ends.put(write.persistenceId(), append.endOffset());
                fine.add(Optional.empty());
                done.success(fine);
            };
            if (control.hold) {
                control.held.add(new Held(append, complete, done::failure));
            } else {
                complete.run();
            }
        }
        return done.future();
    }

    @Override
    public Future<Void> doAsyncDeleteMessagesTo(String persistenceId, long toSequenceNr) {
        return Futures.successful(null);
    }

    @Override
    public Future<Void> doAsyncReplayMessages(
            String persistenceId, long from, long to, long max, Consumer<PersistentRepr> replay) {
        return Futures.successful(null);
    }

    @Override
    public Future<Long> doAsyncReadHighestSequenceNr(String persistenceId, long from) {
        return Futures.successful(control.ends.getOrDefault(persistenceId, 0L));
    }
}
