package io.troupe.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * One partition of a {@link ConsumerActor}: its records, its child, and what happens when that fails. Of the actor's thread.
 *
 * <pre>
 * RUNNING  child, records are delivered    child ends -> WAITING, or POSTING once its record failed too often
 * WAITING  no child, or a record that cannot be read    pause over -> RUNNING
 * POSTING  no child, a dead letter is on its way    stored -> RUNNING, else WAITING
 * SEEKING  no child, nothing to deliver    sought -> RUNNING
 * </pre>
 */
final class ConsumedPartition<K, V> {
    private enum State {
        RUNNING,
        WAITING,
        POSTING,
        SEEKING
    }

    private final ActorContext<ConsumerActor.Command> context;
    private final TimerScheduler<ConsumerActor.Command> timers;
    private final ConsumerSettings<K, V> settings;
    private final LetterBox letters;
    private final ActorRef<ConsumerEvent> events;
    private final Function<ConsumedPartition<K, V>, ActorRef<Delivery<K, V>>> spawn;
    private final ActorRef<ConsumerActor.Acknowledged> acknowledgements;

    private final boolean plainBytes;
    private PartitionFlow flow;
    private PartitionWork work = new PartitionWork(null);
    private State state = State.WAITING;
    private ActorRef<Delivery<K, V>> child;
    private boolean draining;
    /** The record that failed last, and how often in a row; -1 when there was none. */
    private long failedOffset = -1;

    private int failures;
    private OffsetAndMetadata committed;
    private ConsumerActor.Seek seek;

    ConsumedPartition(
            ActorContext<ConsumerActor.Command> context,
            TimerScheduler<ConsumerActor.Command> timers,
            ConsumerSettings<K, V> settings,
            PartitionFlow flow,
            LetterBox letters,
            ActorRef<ConsumerEvent> events,
            Function<ConsumedPartition<K, V>, ActorRef<Delivery<K, V>>> spawn) {
        this.context = context;
        this.timers = timers;
        this.settings = settings;
        this.flow = flow;
        this.letters = letters;
        this.events = events;
        this.spawn = spawn;
        this.acknowledgements = context.getSelf().narrow();
        this.plainBytes = settings.keyDeserializer() instanceof ByteArrayDeserializer
                && settings.valueDeserializer() instanceof ByteArrayDeserializer;
    }

    TopicPartition partition() {
        return flow.partition;
    }

    long session() {
        return flow.session;
    }

    /** Starts a child, or goes on with the one that is there. */
    void begin() {
        if (!draining) {
            state = State.RUNNING;
            if (child == null) {
                child = spawn.apply(this);
            }
            deliver();
        }
    }

    void add(List<ConsumerRecord<byte[], byte[]>> records, OffsetAndMetadata behind) {
        work.add(records, behind);
        deliver();
    }

    void acknowledge(long offset, boolean andBefore) {
        freed(andBefore ? work.acknowledgeThrough(offset) : work.acknowledge(offset));
        deliver();
    }

    private void freed(PartitionWork.Freed freed) {
        flow.release(freed.records(), freed.bytes());
    }

    /** Whether it was full and has room again, which nobody has told Kafka's consumer yet. */
    boolean wantsToBeRead() {
        return flow.paused && flow.isHalfEmpty();
    }

    private void deliver() {
        while (state == State.RUNNING && !draining) {
            List<ConsumerRecord<byte[], byte[]>> taken = work.take(settings.maxDeliveryRecords());
            List<ConsumerRecord<K, V>> readable = new ArrayList<>(taken.size());
            RuntimeException unreadable = null;
            for (ConsumerRecord<byte[], byte[]> record : taken) {
                try {
                    readable.add(read(record));
                } catch (RuntimeException e) {
                    work.putBack(record.offset());
                    unreadable = e;
                    break;
                }
            }
            if (!readable.isEmpty()) {
                child.tell(new Delivery<>(flow.partition, readable, flow.session, acknowledgements));
            }
            if (unreadable != null && !work.isPending()) {
                // All before it is done, so it is its turn; no handler can change that it is what it is.
                failed(work.first(), unreadable, true);
            }
            if (unreadable != null || taken.isEmpty()) {
                return;
            }
        }
    }

    @SuppressWarnings("unchecked")
    private ConsumerRecord<K, V> read(ConsumerRecord<byte[], byte[]> r) {
        if (plainBytes) {
            // Both types are byte[] then.
            return (ConsumerRecord<K, V>) r;
        }
        K key = settings.keyDeserializer().deserialize(r.topic(), r.headers(), r.key());
        V value = settings.valueDeserializer().deserialize(r.topic(), r.headers(), r.value());
        return new ConsumerRecord<>(
                r.topic(),
                r.partition(),
                r.offset(),
                r.timestamp(),
                r.timestampType(),
                r.serializedKeySize(),
                r.serializedValueSize(),
                key,
                value,
                r.headers(),
                r.leaderEpoch());
    }

    /** @param cause of its end */
    void childEnded(Throwable cause) {
        child = null;
        // With nothing to do it failed by itself, and no record is to blame.
        Optional<ConsumerRecord<byte[], byte[]>> blamed = work.isPending() ? work.first() : Optional.empty();
        work.redeliver();
        if (state == State.RUNNING) {
            failed(blamed, cause, false);
        }
    }

    private void failed(Optional<ConsumerRecord<byte[], byte[]>> first, Throwable cause, boolean unreadable) {
        long offset = first.isPresent() ? first.get().offset() : -1;
        failures = offset == failedOffset ? failures + 1 : 1;
        failedOffset = offset;
        if (draining) {
            return;
        }
        events.tell(new ConsumerEvent.HandlerFailed(flow.partition, offset, failures, cause.toString()));
        if (first.isPresent() && letters.takes(unreadable ? Integer.MAX_VALUE : failures)) {
            state = State.POSTING;
            letters.post(first.get(), failures, cause, flow, failure -> posted(first.get(), cause, failure));
        } else {
            pause();
        }
    }

    private void posted(ConsumerRecord<byte[], byte[]> record, Throwable cause, Failure failure) {
        if (failure == null) {
            freed(work.skipFirst());
            events.tell(new ConsumerEvent.DeadLettered(flow.partition, record.offset(), cause.toString()));
            begin();
        } else {
            context.getLog()
                    .warn(
                            "A dead letter of {} at {} was not stored, which is tried again: {}",
                            flow.partition,
                            record.offset(),
                            failure.message());
            pause();
        }
    }

    private void pause() {
        state = State.WAITING;
        timers.startSingleTimer(
                flow,
                new ConsumerMessage.ForPartition(flow.partition, flow.session, this::begin),
                Duration.ofMillis(settings.backoffMs(failures)));
    }

    /** It is read from elsewhere: all that was is forgotten, until {@link #sought}. */
    void seek(PartitionFlow newFlow, ConsumerActor.Seek newSeek) {
        timers.cancel(flow);
        answerSeek(new Failure(Failure.Kind.CONFLICT, "another seek came before this one was done"));
        seek = newSeek;
        flow = newFlow;
        work = new PartitionWork(null);
        state = State.SEEKING;
        failedOffset = -1;
    }

    void sought(long position) {
        work = new PartitionWork(new OffsetAndMetadata(position));
        seek.replyTo().tell(new ConsumerActor.SeekDone(flow.partition, position));
        seek = null;
        begin();
    }

    private void answerSeek(Failure failure) {
        if (seek != null) {
            seek.replyTo().tell(new ConsumerActor.SeekFailed(flow.partition, failure));
            seek = null;
        }
    }

    /** Nothing more is delivered from now on. */
    void drain() {
        draining = true;
        timers.cancel(flow);
    }

    boolean isDraining() {
        return draining;
    }

    boolean isPending() {
        return work.isPending();
    }

    /** It is gone. */
    void end(Failure why) {
        draining = true;
        timers.cancel(flow);
        answerSeek(why);
    }

    /** Gives its child away, to be stopped. */
    ActorRef<Delivery<K, V>> takeChild() {
        ActorRef<Delivery<K, V>> taken = child;
        child = null;
        return taken;
    }

    /** Where its group may stand and is not known to; null when there is nothing to tell. */
    OffsetAndMetadata uncommitted() {
        OffsetAndMetadata offset = work.committable();
        return offset == null || offset.equals(committed) ? null : offset;
    }

    void committed(OffsetAndMetadata offset) {
        committed = offset;
    }
}
