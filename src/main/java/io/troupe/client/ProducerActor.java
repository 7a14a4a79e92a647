package io.troupe.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * A producer as an actor. Records are serialized here and handed, as many at a time as have come, to a thread that owns Kafka's producer and may
 * wait in it; answers come from that producer's own thread.
 *
 * <p>Records of one sender to one partition stay in order. Every message that reaches it is answered once.
 *
 * <p>Back-pressure: up to {@code maxInFlightBytes} are with Kafka's producer; up to {@code maxWaitingBytes} wait for room there, in order, and are
 * answered when their turn has come; what comes beyond is answered {@link SendResult.Refused} at once. Who has no more records unanswered than that
 * is never refused.
 *
 * <p>When Kafka's producer cannot be made (a bad property, an unknown host) what came is answered {@link Failure.Kind#CLOSED} and the actor fails, so
 * its parent's supervision decides.
 */
public final class ProducerActor<K, V> {

    /** What a producer understands. */
    public sealed interface Command<K, V> {}

    /**
     * Sends one record. It goes to the partition that it names, else where {@link ProducerSettings.Partitioning} says.
     *
     * @param replyTo is told a {@link SendResult}
     */
    public record Send<K, V>(ProducerRecord<K, V> record, ActorRef<SendResult> replyTo) implements Command<K, V> {}

    /**
     * Sends records, which costs less than as many {@link Send}s. They are not a unit: each may fail alone. They are refused together.
     *
     * @param replyTo is told all results at once, in the records' order
     */
    public record SendAll<K, V>(List<ProducerRecord<K, V>> records, ActorRef<SendResult.All> replyTo)
            implements Command<K, V> {
        public SendAll {
            records = List.copyOf(records);
        }
    }

    /**
     * Sends records in one transaction (KIP-98), and with them the offsets of what they were made from. Needs {@code transactional.id} in the
     * settings, with which plain sends fail, and a broker that has transactions.
     *
     * @param offsets per partition the next offset to read; empty for none
     * @param group whose offsets they are; null when there are none
     * @param replyTo is told a {@link SendResult.Transaction}
     */
    public record SendTransaction<K, V>(
            List<ProducerRecord<K, V>> records,
            Map<TopicPartition, OffsetAndMetadata> offsets,
            ConsumerGroupMetadata group,
            ActorRef<SendResult.Transaction> replyTo)
            implements Command<K, V> {
        public SendTransaction {
            records = List.copyOf(records);
            offsets = Map.copyOf(offsets);
            if (!offsets.isEmpty() && group == null) {
                throw new IllegalArgumentException("offsets are given without the group whose they are");
            }
        }
    }

    /** Sends at once what lingers. @param replyTo is told once everything that came before is answered */
    public record Flush<K, V>(ActorRef<Done> replyTo) implements Command<K, V> {}

    /**
     * Takes nothing more, waits up to {@code closeTimeoutMs} for what it has, and ends. What comes meanwhile is answered {@link Failure.Kind#CLOSED}.
     *
     * @param replyTo is told when everything is answered and Kafka's producer is closed
     */
    public record Stop<K, V>(ActorRef<Done> replyTo) implements Command<K, V> {}

    /** From itself: everything that came before this has been taken. */
    private record HandOver<K, V>() implements Command<K, V> {}

    /** From a timer: {@code closeTimeoutMs} are over. */
    private record GiveUp<K, V>() implements Command<K, V> {}

    /**
     * From its thread, as the last thing.
     *
     * @param life of the thread: what an earlier one says late is not for the actor that was restarted meanwhile
     * @param failure null when it was asked to end
     */
    private record Ended<K, V>(Object life, RuntimeException failure) implements Command<K, V> {}

    private static final Failure CLOSED = new Failure(Failure.Kind.CLOSED, "this producer is stopping");

    /** What a record costs beside its bytes. */
    private static final int OVERHEAD_BYTES = 64;

    private final ActorContext<Command<K, V>> context;
    private final TimerScheduler<Command<K, V>> timers;
    private final ProducerSettings<K, V> settings;
    private final Object life = new Object();
    private final ProducerThread thread;
    private final boolean plainBytes;
    /** Who waits for the end; not empty exactly while it stops. */
    private final List<ActorRef<Done>> stoppers = new ArrayList<>();
    /** Taken and not handed over yet; not empty exactly while a HandOver is on its way. */
    private List<ProducerThread.Job> taken = new ArrayList<>();

    private ProducerActor(
            ActorContext<Command<K, V>> context,
            TimerScheduler<Command<K, V>> timers,
            ProducerSettings<K, V> settings,
            Supplier<Producer<byte[], byte[]>> producer) {
        this.context = context;
        this.timers = timers;
        this.settings = settings;
        this.plainBytes = settings.keySerializer() instanceof ByteArraySerializer
                && settings.valueSerializer() instanceof ByteArraySerializer;
        ActorRef<Command<K, V>> self = context.getSelf();
        this.thread = new ProducerThread(
                "producer-" + self.path().name(), producer, settings, failure -> self.tell(new Ended<>(life, failure)));
    }

    /** A producer; one Kafka producer, and one thread beside Kafka's own, each. */
    public static <K, V> Behavior<Command<K, V>> create(ProducerSettings<K, V> settings) {
        return create(settings, settings::producer);
    }

    /** @param producer makes Kafka's producer, on the thread that will own it */
    static <K, V> Behavior<Command<K, V>> create(
            ProducerSettings<K, V> settings, Supplier<Producer<byte[], byte[]>> producer) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            ProducerActor<K, V> actor = new ProducerActor<>(context, timers, settings, producer);
            actor.thread.start();
            return actor.running();
        }));
    }

    private Behavior<Command<K, V>> running() {
        return Behaviors.receive((c, command) -> onCommand(command), (c, signal) -> {
            if (signal instanceof PostStop || signal instanceof PreRestart) {
                handOver();
                thread.abandon();
            }
            return Behaviors.same();
        });
    }

    private Behavior<Command<K, V>> onCommand(Command<K, V> command) {
        if (command instanceof Send<K, V> send) {
            return onSend(send);
        } else if (command instanceof SendAll<K, V> all) {
            return onSendAll(all);
        } else if (command instanceof HandOver<K, V>) {
            handOver();
            return Behaviors.same();
        } else if (command instanceof SendTransaction<K, V> transaction) {
            return onSendTransaction(transaction);
        } else if (command instanceof Flush<K, V> flush) {
            return onFlush(flush);
        } else if (command instanceof Stop<K, V> stop) {
            return onStop(stop);
        } else if (command instanceof GiveUp<K, V>) {
            // It may wait in Kafka's producer for each record, for a broker that is away.
            thread.abandon();
            return Behaviors.same();
        } else {
            return onEnded((Ended<K, V>) command);
        }
    }

    private Behavior<Command<K, V>> onSend(Send<K, V> send) {
        ProducerThread.OneRecord job;
        try {
            ProducerRecord<byte[], byte[]> record = serialized(send.record());
            job = new ProducerThread.OneRecord(record, bytes(record), thread, send.replyTo(), null, 0);
        } catch (RuntimeException e) {
            send.replyTo().tell(new SendResult.Failed(Failure.of(e)));
            return Behaviors.same();
        }
        Failure refusal = admit(job.bytes());
        if (refusal == null) {
            take(job);
        } else {
            send.replyTo().tell(refused(refusal));
        }
        return Behaviors.same();
    }

    private Behavior<Command<K, V>> onSendAll(SendAll<K, V> all) {
        int count = all.records().size();
        SendResult[] results = new SendResult[count];
        ProducerThread.Gathering gathering = new ProducerThread.Gathering(results, all.replyTo());
        List<ProducerThread.OneRecord> jobs = new ArrayList<>(count);
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            try {
                ProducerRecord<byte[], byte[]> record = serialized(all.records().get(i));
                ProducerThread.OneRecord job =
                        new ProducerThread.OneRecord(record, bytes(record), thread, null, gathering, i);
                bytes += job.bytes();
                jobs.add(job);
            } catch (RuntimeException e) {
                results[i] = new SendResult.Failed(Failure.of(e));
            }
        }
        Failure refusal = bytes == 0 ? null : admit(bytes);
        if (refusal != null) {
            SendResult refused = refused(refusal);
            jobs.forEach(job -> results[job.index()] = refused);
            jobs.clear();
        }
        gathering.expect(jobs.size());
        jobs.forEach(this::take);
        return Behaviors.same();
    }

    private Behavior<Command<K, V>> onSendTransaction(SendTransaction<K, V> transaction) {
        List<ProducerRecord<byte[], byte[]>> records =
                new ArrayList<>(transaction.records().size());
        long bytes = OVERHEAD_BYTES;
        try {
            for (ProducerRecord<K, V> record : transaction.records()) {
                ProducerRecord<byte[], byte[]> serialized = serialized(record);
                records.add(serialized);
                bytes += bytes(serialized);
            }
        } catch (RuntimeException e) {
            transaction.replyTo().tell(new SendResult.Aborted(Failure.of(e)));
            return Behaviors.same();
        }
        Failure refusal = admit(bytes);
        if (refusal == null) {
            take(new ProducerThread.Transaction(
                    records, bytes, transaction.offsets(), transaction.group(), transaction.replyTo()));
        } else {
            transaction.replyTo().tell(new SendResult.Aborted(refusal));
        }
        return Behaviors.same();
    }

    private Behavior<Command<K, V>> onFlush(Flush<K, V> flush) {
        if (stoppers.isEmpty()) {
            take(new ProducerThread.Flush(flush.replyTo()));
        } else {
            stoppers.add(flush.replyTo());
        }
        return Behaviors.same();
    }

    private Behavior<Command<K, V>> onStop(Stop<K, V> stop) {
        if (stoppers.isEmpty()) {
            handOver();
            thread.finish();
            timers.startSingleTimer(new GiveUp<>(), Duration.ofMillis(settings.closeTimeoutMs()));
        }
        stoppers.add(stop.replyTo());
        return Behaviors.same();
    }

    private Behavior<Command<K, V>> onEnded(Ended<K, V> ended) {
        if (ended.life() != life) {
            return Behaviors.same();
        }
        stoppers.forEach(replyTo -> replyTo.tell(Done.getInstance()));
        if (ended.failure() != null && stoppers.isEmpty()) {
            throw ended.failure();
        }
        return Behaviors.stopped();
    }

    /** Null when there is room for so many bytes, which then are taken. */
    private Failure admit(long bytes) {
        if (!stoppers.isEmpty()) {
            return CLOSED;
        }
        return thread.reserve(bytes)
                ? null
                : new Failure(
                        Failure.Kind.REFUSED,
                        "maxWaitingBytes (" + settings.maxWaitingBytes() + ") of records wait already");
    }

    private static SendResult refused(Failure refusal) {
        return refusal == CLOSED ? new SendResult.Failed(CLOSED) : new SendResult.Refused(refusal);
    }

    /** What has come by now goes to the thread in one go: this is told to itself behind it. */
    private void take(ProducerThread.Job job) {
        if (taken.isEmpty()) {
            context.getSelf().tell(new HandOver<>());
        }
        taken.add(job);
    }

    private void handOver() {
        if (!taken.isEmpty()) {
            thread.execute(taken);
            taken = new ArrayList<>(Math.min(taken.size(), 1024));
        }
    }

    @SuppressWarnings("unchecked")
    private ProducerRecord<byte[], byte[]> serialized(ProducerRecord<K, V> record) {
        if (plainBytes) {
            // Both types are byte[] then.
            return (ProducerRecord<byte[], byte[]>) record;
        }
        byte[] key = settings.keySerializer().serialize(record.topic(), record.headers(), record.key());
        byte[] value = settings.valueSerializer().serialize(record.topic(), record.headers(), record.value());
        return new ProducerRecord<>(
                record.topic(), record.partition(), record.timestamp(), key, value, record.headers());
    }

    private static int bytes(ProducerRecord<byte[], byte[]> record) {
        long bytes = OVERHEAD_BYTES;
        bytes += record.key() == null ? 0 : record.key().length;
        bytes += record.value() == null ? 0 : record.value().length;
        for (Header header : record.headers()) {
            bytes += header.key().length() + (header.value() == null ? 0 : header.value().length);
        }
        return (int) Math.min(bytes, Integer.MAX_VALUE);
    }
}
