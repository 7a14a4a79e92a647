package io.troupe.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that owns a {@link ProducerActor}'s Kafka producer and may wait in it: for metadata, for memory, in transactions, at closing. Jobs are done in
 * the order in which they come. It also keeps both bounds: waiting (reserved by the actor, given back here) and in flight (taken here, given back by
 * Kafka's own thread with the answer).
 */
final class ProducerThread implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(ProducerThread.class);
    private static final Failure STOPPED = new Failure(Failure.Kind.CLOSED, "this producer was stopped");

    /** Something to do. */
    sealed interface Job {
        /** Answers that it will not be done. */
        void fail(Failure failure);
    }

    private final Supplier<Producer<byte[], byte[]>> factory;
    private final Consumer<RuntimeException> ended;
    private final long maxInFlightBytes;
    private final long maxWaitingBytes;
    private final boolean transactional;
    private final Thread thread;
    private final ConcurrentLinkedQueue<List<? extends Job>> queue = new ConcurrentLinkedQueue<>();
    private final AtomicLong waitingBytes = new AtomicLong();
    private final AtomicLong inFlightBytes = new AtomicLong();
    /** Whether the thread sleeps until there is room in flight. */
    private volatile boolean wantsRoom;

    private volatile boolean finishing;
    private volatile boolean abandoned;
    /** Whether it does nothing more, not even answer. */
    private volatile boolean over;

    private volatile Duration closeTimeout;
    private Producer<byte[], byte[]> producer;
    private boolean transactionsReady;

    /** @param ended is told once, at the very end, with the reason unless it was asked to end; on this thread */
    ProducerThread(
            String name,
            Supplier<Producer<byte[], byte[]>> factory,
            ProducerSettings<?, ?> settings,
            Consumer<RuntimeException> ended) {
        this.factory = factory;
        this.ended = ended;
        this.maxInFlightBytes = settings.maxInFlightBytes();
        this.maxWaitingBytes = settings.maxWaitingBytes();
        this.closeTimeout = Duration.ofMillis(settings.closeTimeoutMs());
        this.transactional = settings.properties().containsKey(ProducerConfig.TRANSACTIONAL_ID_CONFIG);
        this.thread = new Thread(this, name);
        this.thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Takes room among what waits; false when there is not so much. Only the actor calls it. */
    boolean reserve(long bytes) {
        long before = waitingBytes.get();
        if (before > 0 && before + bytes > maxWaitingBytes) {
            return false;
        }
        waitingBytes.addAndGet(bytes);
        return true;
    }

    /** Only the actor calls it. What comes too late is answered so. */
    void execute(List<? extends Job> jobs) {
        queue.add(jobs);
        if (over) {
            drain(STOPPED);
        }
        LockSupport.unpark(thread);
    }

    /** Ends when everything that came is done. */
    void finish() {
        finishing = true;
        LockSupport.unpark(thread);
    }

    /** Ends at once, and answers what came that it will not be done. */
    void abandon() {
        closeTimeout = Duration.ZERO;
        abandoned = true;
        finish();
        // Out of whatever it waits in. After the end nobody minds.
        thread.interrupt();
    }

    @Override
    public void run() {
        RuntimeException failure = null;
        try {
            producer = factory.get();
            work();
        } catch (Throwable e) {
            // Errors too: nobody else would tell that this thread is no more.
            failure = Failure.thrown(e);
        }
        close();
        Failure closed = failure == null
                ? STOPPED
                : new Failure(Failure.Kind.CLOSED, Failure.of(failure).message());
        drain(closed);
        ended.accept(failure);
        over = true;
        // Whatever was handed over meanwhile.
        drain(closed);
    }

    private void work() {
        while (!abandoned) {
            List<? extends Job> jobs = queue.poll();
            if (jobs != null) {
                for (Job job : jobs) {
                    perform(job);
                }
            } else if (finishing) {
                // What was handed over before that is visible now.
                if (queue.isEmpty()) {
                    return;
                }
            } else {
                LockSupport.park(this);
            }
        }
    }

    private void perform(Job job) {
        if (abandoned) {
            job.fail(STOPPED);
        } else if (job instanceof OneRecord record) {
            send(record);
        } else if (job instanceof Flush flush) {
            try {
                producer.flush();
            } catch (KafkaException e) {
                LOG.debug("flush ended early", e);
            }
            flush.replyTo.tell(Done.getInstance());
        } else if (job instanceof Transaction transaction) {
            waitingBytes.addAndGet(-transaction.bytes);
            transaction.replyTo.tell(performTransaction(transaction));
        }
    }

    private void send(OneRecord record) {
        awaitRoom(record.bytes);
        if (abandoned) {
            record.fail(STOPPED);
            return;
        }
        waitingBytes.addAndGet(-record.bytes);
        inFlightBytes.addAndGet(record.bytes);
        try {
            producer.send(record.record, record);
        } catch (RuntimeException | Error e) {
            // Where Kafka's producer throws it has not taken the record, and tells nobody else. An error (a codec that
            // is missing) is as good a reason.
            record.onCompletion(null, Failure.thrown(e));
        }
    }

    private void awaitRoom(int bytes) {
        while (!hasRoom(bytes) && !abandoned) {
            wantsRoom = true;
            if (!hasRoom(bytes)) {
                LockSupport.park(this);
            }
            wantsRoom = false;
        }
    }

    private boolean hasRoom(int bytes) {
        long inFlight = inFlightBytes.get();
        return inFlight == 0 || inFlight + bytes <= maxInFlightBytes;
    }

    /** On Kafka's thread, with each answer. The sleeper is woken when half the room is free: each wake-up then is worth many records. */
    private void release(int bytes) {
        long left = inFlightBytes.addAndGet(-bytes);
        if (wantsRoom && left <= maxInFlightBytes / 2) {
            LockSupport.unpark(thread);
        }
    }

    private SendResult.Transaction performTransaction(Transaction transaction) {
        if (!transactional) {
            return new SendResult.Aborted(new Failure(
                    Failure.Kind.INVALID, "the producer settings have no transactional.id, which a transaction needs"));
        }
        boolean begun = false;
        try {
            if (!transactionsReady) {
                producer.initTransactions();
                transactionsReady = true;
            }
            producer.beginTransaction();
            begun = true;
            List<Future<RecordMetadata>> sends = new ArrayList<>(transaction.records.size());
            for (ProducerRecord<byte[], byte[]> record : transaction.records) {
                sends.add(producer.send(record));
            }
            if (!transaction.offsets.isEmpty()) {
                producer.sendOffsetsToTransaction(transaction.offsets, transaction.group);
            }
            // Waits for all of them, and throws if one failed.
            producer.commitTransaction();
            List<SendResult.Sent> sent = new ArrayList<>(sends.size());
            for (Future<RecordMetadata> send : sends) {
                sent.add(sent(send.get()));
            }
            return new SendResult.Committed(sent);
        } catch (Exception e) {
            Failure failure = Failure.of(e);
            if (begun && failure.kind() != Failure.Kind.FENCED) {
                abort();
            }
            return new SendResult.Aborted(failure);
        }
    }

    private void abort() {
        try {
            producer.abortTransaction();
        } catch (RuntimeException e) {
            LOG.warn("A transaction could not be aborted; its coordinator does that in time: {}", e.toString());
        }
    }

    private void close() {
        if (producer == null) {
            return;
        }
        try {
            // An interrupt has done its work.
            Thread.interrupted();
            producer.close(closeTimeout);
        } catch (RuntimeException e) {
            LOG.warn("Kafka's producer did not close in order: {}", e.toString());
        }
    }

    private void drain(Failure failure) {
        for (List<? extends Job> jobs = queue.poll(); jobs != null; jobs = queue.poll()) {
            jobs.forEach(job -> job.fail(failure));
        }
    }

    private static SendResult.Sent sent(RecordMetadata metadata) {
        return new SendResult.Sent(
                metadata.partition(),
                metadata.hasOffset() ? metadata.offset() : -1,
                metadata.hasTimestamp() ? metadata.timestamp() : -1);
    }

    /** One record on its way, and where its answer goes: to whoever sent it, or among the answers of those that came with it. */
    static final class OneRecord implements Job, Callback {
        private final ProducerRecord<byte[], byte[]> record;
        private final int bytes;
        private final ProducerThread thread;
        private final ActorRef<SendResult> replyTo;
        private final Gathering gathering;
        private final int index;

        /** @param replyTo null if {@code gathering} takes the answer, at {@code index} */
        OneRecord(
                ProducerRecord<byte[], byte[]> record,
                int bytes,
                ProducerThread thread,
                ActorRef<SendResult> replyTo,
                Gathering gathering,
                int index) {
            this.record = record;
            this.bytes = bytes;
            this.thread = thread;
            this.replyTo = replyTo;
            this.gathering = gathering;
            this.index = index;
        }

        int bytes() {
            return bytes;
        }

        int index() {
            return index;
        }

        @Override
        public void onCompletion(RecordMetadata metadata, Exception exception) {
            answer(exception == null ? sent(metadata) : new SendResult.Failed(Failure.of(exception)));
            thread.release(bytes);
        }

        @Override
        public void fail(Failure failure) {
            answer(new SendResult.Failed(failure));
        }

        private void answer(SendResult result) {
            if (gathering == null) {
                replyTo.tell(result);
            } else {
                gathering.put(index, result);
            }
        }
    }

    /** The answers of records that came together; told when the last one is there. */
    static final class Gathering {
        private final SendResult[] results;
        private final ActorRef<SendResult.All> replyTo;
        private final AtomicInteger missing = new AtomicInteger(1);

        Gathering(SendResult[] results, ActorRef<SendResult.All> replyTo) {
            this.results = results;
            this.replyTo = replyTo;
        }

        /** How many answers are to come, once all others stand. */
        void expect(int count) {
            if (missing.addAndGet(count - 1) == 0) {
                tell();
            }
        }

        void put(int index, SendResult result) {
            results[index] = result;
            if (missing.decrementAndGet() == 0) {
                tell();
            }
        }

        private void tell() {
            replyTo.tell(new SendResult.All(List.of(results)));
        }
    }

    /** @param replyTo is told when everything before it is answered */
    record Flush(ActorRef<Done> replyTo) implements Job {
        @Override
        public void fail(Failure failure) {
            replyTo.tell(Done.getInstance());
        }
    }

    /** A whole transaction. */
    record Transaction(
            List<ProducerRecord<byte[], byte[]>> records,
            long bytes,
            Map<TopicPartition, OffsetAndMetadata> offsets,
            ConsumerGroupMetadata group,
            ActorRef<SendResult.Transaction> replyTo)
            implements Job {
        @Override
        public void fail(Failure failure) {
            replyTo.tell(new SendResult.Aborted(failure));
        }
    }
}
