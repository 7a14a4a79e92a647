import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.kafka.common.message.FindCoordinatorRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.requests.AbstractRequest;
import org.apache.kafka.common.requests.AbstractResponse;
import org.apache.kafka.common.requests.FindCoordinatorRequest;
import org.apache.kafka.common.requests.FindCoordinatorResponse;
import org.apache.kafka.common.requests.RequestHeader;

/**
 * Thousands of connections on one thread, each with one request under way at most, and a clock: what a member of a group needs of a client. Everything runs on
 * the thread that calls {@link #run}.
 */
final class Wire implements AutoCloseable {
    private static final int MAX_RESPONSE = 16 << 20;

    private final List<InetSocketAddress> brokers = new ArrayList<>();
    private final Selector selector = Selector.open();
    private final List<Connection> connections = new ArrayList<>();
    private final PriorityQueue<Due> clock = new PriorityQueue<>();
    private long order;

    private record Due(long atNs, long order, Runnable what) implements Comparable<Due> {
        @Override
        public int compareTo(Due other) {
            int byTime = Long.compare(atNs, other.atNs);
            return byTime != 0 ? byTime : Long.compare(order, other.order);
        }
    }

    Wire(String bootstrap) throws IOException {
        for (String broker : bootstrap.split(",")) {
            int colon = broker.lastIndexOf(':');
            brokers.add(new InetSocketAddress(broker.substring(0, colon), Integer.parseInt(broker.substring(colon + 1))));
        }
    }

    final class Connection {
        private final SocketChannel channel = SocketChannel.open();
        private final Runnable broken;
        private final SelectionKey key;
        /** What was to be sent before the connection was there. */
        private ByteBuffer early;

        private final ByteBuffer size = ByteBuffer.allocate(4);
        private ByteBuffer answer;
        private RequestHeader header;
        private Consumer<AbstractResponse> then;
        private int correlation;
        /** Not what the channel says, which closes itself when it cannot connect. */
        private boolean closed;

        private Connection(InetSocketAddress broker, Runnable broken) throws IOException {
            this.broken = broken;
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.configureBlocking(false);
            key = channel.register(selector, SelectionKey.OP_CONNECT, this);
            try {
                if (channel.connect(broker)) {
                    key.interestOps(SelectionKey.OP_READ);
                }
            } catch (IOException e) {
                breaks();
            }
        }

        boolean busy() {
            return then != null;
        }

        /** Without a word to anybody; a request under way is not answered any more. */
        void close() {
            closed = true;
            try {
                channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void breaks() {
            if (!closed) {
                close();
                after(Duration.ZERO, broken);
            }
        }

        <T extends AbstractResponse> void send(AbstractRequest.Builder<?> builder, int version, Class<T> type, Consumer<T> handler) {
            if (then != null) {
                throw new IllegalStateException("one request at a time");
            }
            then = response -> handler.accept(type.cast(response));
            header = new RequestHeader(builder.apiKey(), (short) version, "bench", correlation++);
            ByteBuffer request = builder.build((short) version).serializeWithHeader(header);
            ByteBuffer frame = ByteBuffer.allocate(4 + request.remaining()).putInt(request.remaining()).put(request).flip();
            if (channel.isConnected()) {
                write(frame);
            } else {
                early = frame;
            }
        }

        private void write(ByteBuffer frame) {
            try {
                // Small, and the only one under way: the socket takes it whole.
                while (frame.hasRemaining()) {
                    channel.write(frame);
                }
            } catch (IOException e) {
                breaks();
            }
        }

        private void ready() {
            try {
                if (channel.isConnected()) {
                    read();
                } else if (channel.finishConnect()) {
                    key.interestOps(SelectionKey.OP_READ);
                    if (early != null) {
                        write(early);
                    }
                }
            } catch (IOException e) {
                breaks();
            }
        }

        private void read() throws IOException {
            if (answer == null) {
                if (channel.read(size) < 0) {
                    throw new IOException("the broker closed a connection");
                }
                if (size.hasRemaining()) {
                    return;
                }
                int length = size.flip().getInt();
                if (length < 0 || length > MAX_RESPONSE) {
                    throw new IOException("a response of " + length + " bytes");
                }
                answer = ByteBuffer.allocate(length);
                size.clear();
            }
            if (channel.read(answer) < 0) {
                throw new IOException("the broker closed a connection");
            }
            if (!answer.hasRemaining()) {
                ByteBuffer whole = answer.flip();
                Consumer<AbstractResponse> handler = then;
                answer = null;
                then = null;
                handler.accept(AbstractResponse.parseResponse(whole, header));
            }
        }
    }

    /** To the first broker, which may not break it. */
    Connection open() throws IOException {
        return open(brokers.get(0), () -> {
            throw new IllegalStateException("the broker closed a connection");
        });
    }

    /** @param broken called when the broker is not there or closes the connection */
    Connection open(InetSocketAddress broker, Runnable broken) throws IOException {
        Connection connection = new Connection(broker, broken);
        connections.add(connection);
        return connection;
    }

    /** As they were given, in a circle. */
    InetSocketAddress broker(int turn) {
        return brokers.get(turn % brokers.size());
    }

    void after(Duration wait, Runnable what) {
        at(System.nanoTime() + wait.toNanos(), what);
    }

    void at(long ns, Runnable what) {
        clock.add(new Due(ns, order++, what));
    }

    /** Does what there is to do until it is so. */
    void run(String what, Duration limit, BooleanSupplier done) throws IOException, TimeoutException {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!done.getAsBoolean()) {
            long now = System.nanoTime();
            if (now - deadline > 0) {
                throw new TimeoutException(what + " took longer than " + limit);
            }
            while (!clock.isEmpty() && clock.peek().atNs <= now) {
                clock.poll().what.run();
            }
            long waitNs = clock.isEmpty() ? 100_000_000 : Math.min(100_000_000, clock.peek().atNs - System.nanoTime());
            if (waitNs < 1_000_000) {
                selector.selectNow();
            } else {
                selector.select(waitNs / 1_000_000);
            }
            for (SelectionKey key : selector.selectedKeys()) {
                ((Connection) key.attachment()).ready();
            }
            selector.selectedKeys().clear();
        }
    }

    /** Waits until the groups' topic is there and the group is coordinated. */
    void awaitCoordinator(String group, Duration limit) throws IOException, TimeoutException {
        Connection connection = open();
        boolean[] found = {false};
        Runnable[] ask = new Runnable[1];
        ask[0] = () -> connection.send(
                new FindCoordinatorRequest.Builder(new FindCoordinatorRequestData().setKeyType((byte) 0).setCoordinatorKeys(List.of(group))),
                4,
                FindCoordinatorResponse.class,
                response -> {
                    found[0] = response.data().coordinators().get(0).errorCode() == Errors.NONE.code();
                    if (!found[0]) {
                        after(Duration.ofMillis(200), ask[0]);
                    }
                });
        ask[0].run();
        run("finding the coordinator", limit, () -> found[0]);
    }

    /** Whether it may be asked again soon. */
    static boolean passes(Errors error) {
        return error == Errors.COORDINATOR_LOAD_IN_PROGRESS || error == Errors.COORDINATOR_NOT_AVAILABLE || error == Errors.NOT_COORDINATOR;
    }

    @Override
    public void close() throws IOException {
        for (Connection connection : connections) {
            connection.close();
        }
        selector.close();
    }
}
