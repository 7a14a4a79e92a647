package io.troupe.protocol;

import io.troupe.config.Listener;
import io.troupe.config.NetworkConfig;
import io.troupe.dispatch.HomeThread;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.network.ChannelBuilder;
import org.apache.kafka.common.network.KafkaChannel;
import org.apache.kafka.common.network.NetworkReceive;
import org.apache.kafka.common.network.NetworkSend;
import org.apache.kafka.common.network.Selector;
import org.apache.kafka.common.network.Send;
import org.apache.kafka.common.network.TransferableChannel;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.SendBuilder;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.ResponseHeader;
import org.apache.kafka.common.utils.Time;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One network thread: a Selector, its connections, and the queue by which answers come back from other threads. Reads
 * frames, calls handlers, writes answers in request order, and stops reading connections that have too much under way.
 */
final class EventLoop implements Runnable, Executor {
    private static final long POLL_MS = 300;
    /** Without connections nothing can expire or stall, and who brings one wakes this loop. */
    private static final long IDLE_POLL_MS = 30_000;
    /** Answers up to this size are written as soon as they are there. */
    private static final int AT_ONCE_BYTES = 64 << 10;

    private static final Logger log = LoggerFactory.getLogger(EventLoop.class);

    private record Accepted(SocketChannel channel, InetAddress address) {}

    private record Completion(Slot slot, Connection connection) {}

    private final Listener listener;
    private final Consumer<String> onDeath;
    private final NetworkConfig config;
    private final ApiDispatcher dispatcher;
    private final ConnectionLimits limits;
    private final InFlightBytes inFlight;
    private final NetworkStats stats;
    private final RateLimitedLog peerLog;
    private final Selector selector;
    private final HomeThread thread;
    private final Map<String, Connection> connections = new HashMap<>();
    private final ConcurrentLinkedQueue<Accepted> accepted = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Completion> completions = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    /** Answers that wait for better ones, or did until they were given. */
    private final PriorityQueue<Slot> late =
            new PriorityQueue<>((a, b) -> Long.signum(a.lateDueNanos - b.lateDueNanos));

    /** Connections that a request of was answered in this turn. */
    private final ArrayDeque<Connection> answered = new ArrayDeque<>();

    private final AtomicBoolean wakeupPending = new AtomicBoolean();
    private volatile boolean stopping;
    private volatile boolean ended;
    private long nextConnection;
    private final OverdueConnections overdue;

    EventLoop(
            String name,
            Listener listener,
            NetworkConfig config,
            ApiDispatcher dispatcher,
            ConnectionLimits limits,
            InFlightBytes inFlight,
            NetworkStats stats,
            RateLimitedLog peerLog,
            Metrics metrics,
            ChannelBuilder channelBuilder,
            Consumer<String> onDeath) {
        this.onDeath = onDeath;
        this.listener = listener;
        this.config = config;
        this.dispatcher = dispatcher;
        this.limits = limits;
        this.inFlight = inFlight;
        this.stats = stats;
        this.peerLog = peerLog;
        this.selector = new Selector(
                config.socketRequestMaxBytes(),
                // By us: the Selector's own order of all connections is renewed with each read and write.
                Selector.NO_IDLE_TIMEOUT_MS,
                Selector.NO_FAILED_AUTHENTICATION_DELAY,
                metrics,
                Time.SYSTEM,
                "network",
                Map.of("networkThread", name),
                false,
                false,
                channelBuilder,
                inFlight,
                new PeerLogContext(peerLog, stats));
        this.overdue = new OverdueConnections(
                inFlight, config.connectionsMaxIdleMs(), System.nanoTime(), this::frameBeingRead);
        this.thread = new HomeThread(this, name);
        this.thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Any thread. Once only for an accepted connection, whose place in {@link ConnectionLimits} passes to this loop. */
    void accept(SocketChannel channel, InetAddress address) {
        accepted.add(new Accepted(channel, address));
        wakeup();
        if (stopping && !thread.isAlive()) {
            closeAccepted();
        }
    }

    /** Any thread: a request of one of this loop's connections is done. */
    void completed(Slot slot, Connection connection) {
        completions.add(new Completion(slot, connection));
        wakeup();
        if (ended) {
            discardCompleted();
        }
    }

    /** Any thread: has this loop's thread do something short. Forgotten when the loop has ended. */
    @Override
    public void execute(Runnable task) {
        tasks.add(task);
        wakeup();
    }

    /** Any thread. */
    void wakeup() {
        // On its own thread the loop looks at the queue before it polls again.
        if (Thread.currentThread() != thread && wakeupPending.compareAndSet(false, true)) {
            selector.wakeup();
        }
    }

    void stop() {
        stopping = true;
        if (thread.getState() == Thread.State.NEW) {
            closeAll();
        } else {
            selector.wakeup();
        }
    }

    void join(long timeoutMs) throws InterruptedException {
        thread.join(timeoutMs);
    }

    @Override
    public void run() {
        try {
            while (!stopping) {
                try {
                    turn();
                } catch (Exception | OutOfMemoryError | StackOverflowError e) {
                    // One connection's trouble must not end the loop of all the others.
                    peerLog.warn("loop", thread.getName() + ": " + e);
                    log.debug("Network thread {} goes on after", thread.getName(), e);
                }
            }
        } catch (Throwable e) {
            log.error("Network thread {} ends", thread.getName(), e);
            onDeath.accept("network thread " + thread.getName() + " has ended: " + e);
        } finally {
            try {
                closeAll();
            } finally {
                thread.endWaiting();
            }
        }
    }

    private void turn() throws IOException {
        boolean idle = completions.isEmpty()
                && accepted.isEmpty()
                && tasks.isEmpty()
                && answered.isEmpty()
                && !thread.hasWaiting();
        selector.poll(idle ? pollMs() : 0);
        // Reset before the queues are read: what is queued after that wakes the next poll.
        wakeupPending.set(false);
        registerAccepted();
        for (NetworkReceive receive : selector.completedReceives()) {
            Connection connection = connections.get(receive.source());
            if (connection == null) {
                inFlight.release(receive.payload());
            } else {
                receive(connection, receive.payload());
            }
        }
        selector.clearCompletedReceives();
        for (NetworkSend send : selector.completedSends()) {
            Connection connection = connections.get(send.destinationId());
            if (connection != null) {
                sent(connection);
                proceed(connection);
            }
        }
        selector.clearCompletedSends();
        for (String id : selector.disconnected().keySet()) {
            forget(connections.remove(id));
        }
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
        letGoWhatIsDue();
        thread.runWaiting();
        for (Completion done = completions.poll(); done != null; done = completions.poll()) {
            complete(done.slot, done.connection);
        }
        // Only now, so that answers of one connection leave together.
        for (Connection connection = answered.poll(); connection != null; connection = answered.poll()) {
            proceed(connection);
        }
        overdue.close(connections.values(), System.nanoTime(), this::closeOverdue);
    }

    private NetworkReceive frameBeingRead(Connection connection) {
        KafkaChannel channel = selector.channel(connection.id());
        return channel == null ? null : channel.currentReceive();
    }

    private void closeOverdue(Connection connection, String trouble) {
        if (trouble == null) {
            log.debug("Closing the connection of {}: it was idle", connection.clientAddress());
        } else {
            peerLog.warn(
                    "stalled " + connection.clientAddress(),
                    "Closing the connection of " + connection.clientAddress() + ": " + trouble);
        }
        close(connection);
    }

    /** Until something is due, in milliseconds that begin then: an answer that waited so long may wait one more. */
    private long pollMs() {
        while (!late.isEmpty() && late.peek().isCompleted()) {
            late.poll();
        }
        long mostMs = connections.isEmpty() ? IDLE_POLL_MS : POLL_MS;
        Slot next = late.peek();
        return next == null
                ? mostMs
                : Math.max(0, Math.min(mostMs, (next.lateDueNanos - System.nanoTime()) / 1_000_000 + 1));
    }

    /** A request has an answer that may wait. */
    void later(Slot slot, ApiMessage answer, long dueNanos, Connection connection) {
        if (slot.isCompleted()) {
            return;
        }
        slot.late = answer;
        slot.lateDueNanos = dueNanos;
        if (connection.mayWait(slot)) {
            late.add(slot);
        } else {
            slot.letGo();
        }
    }

    private void letGoWhatIsDue() {
        if (late.isEmpty()) {
            return;
        }
        long nowNanos = System.nanoTime();
        while (!late.isEmpty() && late.peek().lateDueNanos - nowNanos <= 0) {
            late.poll().letGo();
        }
    }

    private void registerAccepted() {
        for (Accepted next = accepted.poll(); next != null; next = accepted.poll()) {
            String id = thread.getName() + "-" + nextConnection++;
            try {
                selector.register(id, next.channel);
                Connection connection =
                        new Connection(id, listener, next.address, this, config.maxInFlightBytesPerConnection());
                connections.put(id, connection);
            } catch (IOException | RuntimeException e) {
                log.debug("Connection from {} could not be registered", next.address, e);
                Acceptor.closeQuietly(next.channel);
                limits.release(next.address);
            }
        }
    }

    private void receive(Connection connection, ByteBuffer frame) {
        connection.used();
        Slot waits = connection.takeLate();
        if (waits != null) {
            waits.letGo();
        }
        int frameBytes = frame.capacity();
        RequestHeader header;
        ApiHandler<?> handler;
        try {
            header = RequestHeader.parse(frame);
            String refusal = dispatcher.refusal(header, frameBytes);
            if (refusal != null) {
                inFlight.release(frameBytes);
                malformed(connection, refusal);
                return;
            }
            handler = dispatcher.handler(header.apiKey());
        } catch (RuntimeException e) {
            inFlight.release(frameBytes);
            malformed(connection, e.getMessage());
            return;
        }
        stats.requests.increment();
        stats.requestBytes.add(frameBytes);
        Slot slot = new Slot(connection, header, frameBytes);
        if (connection.begin(slot, handler.oneAtATime())) {
            dispatch(connection, slot, frame);
        } else {
            slot.deferredBody = frame;
        }
        if (!connection.closed()) {
            updateMute(connection);
        }
    }

    private void dispatch(Connection connection, Slot slot, ByteBuffer body) {
        try {
            dispatcher.dispatch(slot, body);
        } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
            RequestHeader header = slot.header();
            malformed(connection, header.apiKey() + " version " + header.apiVersion() + " cannot be read: " + e);
            slot.noResponse();
        }
    }

    private void complete(Slot slot, Connection connection) {
        inFlight.release(slot.sizeInBytes());
        stats.times().took(slot.header().apiKey(), slot.tookNanos());
        if (connection.closed()) {
            RecordsField.discard(slot.response);
            return;
        }
        Send send = null;
        if (slot.response != null) {
            try {
                send = encode(slot);
            } catch (RuntimeException | OutOfMemoryError e) {
                log.error("Answer to {} cannot be encoded", slot.header(), e);
                slot.closeReason = "its answer cannot be encoded";
                RecordsField.discard(slot.response);
            }
        }
        connection.ready(slot, send);
        if (send != null) {
            stats.queuedResponseBytes.add(slot.heldBytes);
        }
        answered.add(connection);
    }

    private Send encode(Slot slot) {
        RequestHeader header = slot.header();
        short version = dispatcher.responseVersion(header);
        ResponseHeader responseHeader =
                new ResponseHeader(header.correlationId(), header.apiKey().responseHeaderVersion(version));
        return SendBuilder.buildResponseSend(responseHeader, slot.response, version);
    }

    /** Sends what is ready, handles what waited for its turn, and reads or stops reading. */
    private void proceed(Connection connection) {
        if (connection.closed()) {
            return;
        }
        for (Send send = connection.nextSend(); send != null; send = connection.nextSend()) {
            if (!send(connection, send)) {
                close(connection);
                return;
            }
        }
        String reason = connection.closeReason();
        if (reason != null) {
            peerLog.warn(
                    "close " + connection.clientAddress(),
                    "Closing the connection of " + connection.clientAddress() + ": " + reason);
            close(connection);
            return;
        }
        Slot deferred = connection.takeDeferred();
        if (deferred != null) {
            ByteBuffer body = deferred.deferredBody;
            deferred.deferredBody = null;
            dispatch(connection, deferred, body);
        }
        if (!connection.closed()) {
            updateMute(connection);
        }
    }

    /**
     * Hands answers to the Selector. A small one is written here and now, as nearly every socket has room for it: the Selector would ask the
     * system three times more, to be told of that room, to hear of it, and not to be told any more.
     *
     * @return false when the connection is of no more use
     */
    private boolean send(Connection connection, Send send) {
        try {
            selector.send(new Sending(connection, send));
            KafkaChannel channel = selector.channel(connection.id());
            if (send.size() <= AT_ONCE_BYTES && channel != null && channel.ready()) {
                channel.write();
                if (channel.maybeCompleteSend() != null) {
                    sent(connection);
                }
            }
            return true;
        } catch (IOException | IllegalStateException e) {
            // The Selector may have dropped the channel in this very poll; its disconnect is being handled then.
            log.debug("{} is gone", connection.id(), e);
            return false;
        }
    }

    /** Answers on their way, each part of which shows that the connection is in use. */
    private final class Sending extends NetworkSend {
        private final Connection connection;

        Sending(Connection connection, Send send) {
            super(connection.id(), send);
            this.connection = connection;
        }

        @Override
        public long writeTo(TransferableChannel channel) throws IOException {
            long written = super.writeTo(channel);
            if (written > 0) {
                connection.used();
            }
            return written;
        }
    }

    private void sent(Connection connection) {
        stats.queuedResponseBytes.add(-connection.sendingHeldBytes());
        stats.responseBytes.add(connection.sent());
    }

    private void updateMute(Connection connection) {
        boolean mute = connection.shouldMute();
        if (mute != connection.muted() && exists(connection)) {
            connection.muted(mute);
            if (mute) {
                selector.mute(connection.id());
            } else {
                selector.unmute(connection.id());
            }
        }
    }

    private boolean exists(Connection connection) {
        return selector.channel(connection.id()) != null || selector.closingChannel(connection.id()) != null;
    }

    private void malformed(Connection connection, String what) {
        stats.malformedRequests.increment();
        peerLog.warn(
                "malformed " + connection.clientAddress(),
                "Closing the connection of " + connection.clientAddress() + " on " + listener.name() + ": " + what);
        close(connection);
    }

    private void close(Connection connection) {
        selector.close(connection.id());
        forget(connections.remove(connection.id()));
    }

    private void forget(Connection connection) {
        if (connection == null || connection.closed()) {
            return;
        }
        stats.queuedResponseBytes.add(-connection.queuedResponseBytes());
        Slot never = connection.close();
        if (never != null) {
            inFlight.release(never.sizeInBytes());
        }
        limits.release(connection.clientAddress());
        stats.connections.decrement();
    }

    private void closeAccepted() {
        for (Accepted next = accepted.poll(); next != null; next = accepted.poll()) {
            Acceptor.closeQuietly(next.channel);
            limits.release(next.address);
            stats.connections.decrement();
        }
    }

    /** Answers that came too late to be sent. */
    private void discardCompleted() {
        for (Completion done = completions.poll(); done != null; done = completions.poll()) {
            RecordsField.discard(done.slot.response);
        }
    }

    private void closeAll() {
        for (Connection connection : new ArrayList<>(connections.values())) {
            close(connection);
        }
        closeAccepted();
        ended = true;
        discardCompleted();
        selector.close();
    }
}
