package io.troupe.protocol;

import io.troupe.config.Listener;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.kafka.common.network.NetworkReceive;
import org.apache.kafka.common.network.Send;
import org.apache.kafka.common.protocol.ApiMessage;

/**
 * One connection's requests under way, in order. Owned by one network thread ({@link EventLoop}), which alone calls its
 * methods; only {@link #completed} comes from any thread.
 */
final class Connection {
    /** Requests of one connection that may be under way; beyond it the connection is not read. */
    static final int MAX_PARKED_REQUESTS = 100;

    /** A frame that grows by less than so much within the time allowed stands still. */
    private static final int MIN_PROGRESS_BYTES = 64 << 10;

    /** Who looks at a frame more seldom than this has stood still, and knows nothing of what came meanwhile. */
    private static final long PAUSE_NANOS = OverdueConnections.STALL_NANOS / 2;

    /** Ready answers leave together up to about so many bytes. */
    private static final long COALESCE_BYTES = 1 << 20;

    /** Nobody's software has a longer name that we know by it. */
    private static final int MAX_SOFTWARE_NAME = 64;

    private final String id;
    private final Listener listener;
    private final InetAddress clientAddress;
    private final EventLoop loop;
    private final long maxInFlightBytes;
    private final ArrayDeque<Slot> slots = new ArrayDeque<>();
    private long requestBytes;
    private long responseBytes;
    private long sendingBytes = -1;
    private long sendingHeldBytes;
    private List<AnswerRecords> sendingRecords = List.of();
    private boolean sendingOneAtATime;
    private int oneAtATimeUnderWay;
    private int holding;
    private Slot deferred;

    /** The last request that came, if its answer waits for a better one. */
    private Slot late;

    private String clientSoftware = "";
    private boolean muted;

    /** The frame that was being read when the loop last looked, how far it was, and since when that is so. */
    private NetworkReceive partial;

    private int partialBytes;
    private long partialSinceNanos;
    private long lookedNanos;
    /** Whether a request came, or a part of an answer went, since it was last asked for; the connection is new at first. */
    private boolean used = true;
    /** When it was last seen to be in use; the frame that was being read then, and how far it was. */
    private long usedNanos;

    private NetworkReceive reading;
    private int readingBytes;
    private boolean closed;

    Connection(String id, Listener listener, InetAddress clientAddress, EventLoop loop, long maxInFlightBytes) {
        this.id = id;
        this.listener = listener;
        this.clientAddress = clientAddress;
        this.loop = loop;
        this.maxInFlightBytes = maxInFlightBytes <= 0 ? Long.MAX_VALUE : maxInFlightBytes;
    }

    String id() {
        return id;
    }

    Listener listener() {
        return listener;
    }

    InetAddress clientAddress() {
        return clientAddress;
    }

    /** Empty when it has not been told. */
    String clientSoftware() {
        return clientSoftware;
    }

    void clientSoftware(String name) {
        clientSoftware = name.length() <= MAX_SOFTWARE_NAME ? name : "";
    }

    boolean closed() {
        return closed;
    }

    boolean muted() {
        return muted;
    }

    void muted(boolean nowMuted) {
        muted = nowMuted;
    }

    /**
     * How long the peer has owed us the rest of a frame whose memory is taken, in time in which this thread was there to take it.
     *
     * @param frame being read; null when none is, or its size is not known yet
     */
    long stalledNanos(NetworkReceive frame, long nowNanos) {
        boolean waits = frame != null && frame.memoryAllocated() && !frame.complete() && !muted;
        if (!waits) {
            partial = null;
            return 0;
        }
        long sinceLook = nowNanos - lookedNanos;
        lookedNanos = nowNanos;
        if (frame != partial || frame.bytesRead() - partialBytes >= MIN_PROGRESS_BYTES) {
            partial = frame;
            partialBytes = frame.bytesRead();
            partialSinceNanos = nowNanos;
        } else if (sinceLook > PAUSE_NANOS) {
            partialSinceNanos += sinceLook;
        }
        return nowNanos - partialSinceNanos;
    }

    /** A request has come, or a part of an answer has gone. */
    void used() {
        used = true;
    }

    /** This thread was not there to read or to write for so long, which is nobody's idleness. */
    void notLookedAfter(long nanos, long nowNanos) {
        usedNanos += Math.min(nanos, nowNanos - usedNanos);
    }

    /**
     * For how long nothing was read or written. Use is seen by who asks: it counts as having been just then.
     *
     * @param frame being read; null when none is
     */
    long idleNanos(NetworkReceive frame, long nowNanos) {
        if (frame != null && (frame != reading || frame.bytesRead() != readingBytes)) {
            readingBytes = frame.bytesRead();
            used = true;
        }
        reading = frame;
        if (used) {
            used = false;
            usedNanos = nowNanos;
        }
        return nowNanos - usedNanos;
    }

    /** Any thread. */
    void completed(Slot slot) {
        loop.completed(slot, this);
    }

    /** Any thread: a request is answered so, unless a better answer comes by then or its client waits for something else. */
    void later(Slot slot, ApiMessage answer, long dueNanos) {
        loop.execute(() -> loop.later(slot, answer, dueNanos, this));
    }

    /** Whether a request's answer may wait for a better one: all others are answered. */
    boolean mayWait(Slot slot) {
        if (closed || slots.peekLast() != slot) {
            return false;
        }
        for (Slot other : slots) {
            // Those that are answered may not have been looked at yet, the one before that was let go for this one
            // above all.
            if (other != slot && !other.isCompleted()) {
                return false;
            }
        }
        late = slot;
        return true;
    }

    /** The request whose answer waits, which is to be let go; null for none. */
    Slot takeLate() {
        Slot slot = late;
        late = null;
        return slot;
    }

    /** A request wants the connection not to be read until it is answered. */
    void hold() {
        holding++;
    }

    /** A request has come; whether it may be handled now, or must wait for an earlier one's answer to be gone. */
    boolean begin(Slot slot, boolean oneAtATime) {
        slots.add(slot);
        requestBytes += slot.sizeInBytes();
        slot.oneAtATime = oneAtATime;
        if (oneAtATime && oneAtATimeUnderWay > 0) {
            deferred = slot;
            return false;
        }
        if (oneAtATime) {
            oneAtATimeUnderWay++;
        }
        return true;
    }

    /** The deferred request, if its turn has come. */
    Slot takeDeferred() {
        if (deferred == null || oneAtATimeUnderWay > 0 || closed) {
            return null;
        }
        Slot slot = deferred;
        deferred = null;
        oneAtATimeUnderWay++;
        return slot;
    }

    /** The network thread has taken a completion over. */
    void ready(Slot slot, Send send) {
        slot.ready = true;
        slot.send = send;
        if (slot == late) {
            late = null;
        }
        if (send != null) {
            slot.records = RecordsField.closeable(slot.response);
            slot.heldBytes = send.size();
            for (AnswerRecords records : slot.records) {
                slot.heldBytes -= records.sizeInBytes() - records.heldBytes();
                records.sentOn(loop);
            }
            responseBytes += slot.heldBytes;
        }
        slot.response = null;
        slot.onClosed = null;
        requestBytes -= slot.sizeInBytes();
        if (slot.holdsNext()) {
            holding--;
        }
    }

    /** The next send: the answers that are ready at the head of the order, as one; null when none is or one is on its way. */
    Send nextSend() {
        if (sendingBytes >= 0 || closed) {
            return null;
        }
        Send first = null;
        List<Send> sends = null;
        long bytes = 0;
        long held = 0;
        List<AnswerRecords> records = List.of();
        boolean large = false;
        while (!slots.isEmpty() && slots.peek().ready && slots.peek().closeReason == null && bytes < COALESCE_BYTES) {
            Slot slot = slots.poll();
            if (slot.send == null) {
                if (slot.oneAtATime) {
                    oneAtATimeUnderWay--;
                }
                continue;
            }
            large |= slot.oneAtATime;
            bytes += slot.send.size();
            held += slot.heldBytes;
            if (!slot.records.isEmpty()) {
                records = records.isEmpty() ? new ArrayList<>() : records;
                records.addAll(slot.records);
            }
            if (first == null) {
                first = slot.send;
            } else {
                if (sends == null) {
                    sends = new ArrayList<>();
                    sends.add(first);
                }
                sends.add(slot.send);
            }
        }
        if (first == null) {
            return null;
        }
        sendingBytes = bytes;
        sendingHeldBytes = held;
        sendingRecords = records;
        sendingOneAtATime = large;
        return sends == null ? first : new CoalescedSend(sends);
    }

    /** Why the connection is to be closed now that all answers before the failed request are gone; null to stay open. */
    String closeReason() {
        return sendingBytes < 0 && !slots.isEmpty() && slots.peek().ready ? slots.peek().closeReason : null;
    }

    /** The part of the answers on their way that is held in memory. */
    long sendingHeldBytes() {
        return sendingHeldBytes;
    }

    /** Bytes that have left. */
    long sent() {
        long bytes = sendingBytes;
        responseBytes -= sendingHeldBytes;
        sendingBytes = -1;
        closeSending();
        if (sendingOneAtATime) {
            sendingOneAtATime = false;
            oneAtATimeUnderWay--;
        }
        return bytes;
    }

    private void closeSending() {
        sendingRecords.forEach(AnswerRecords::close);
        sendingRecords = List.of();
    }

    /** Bytes of answers that are encoded, held in memory and have not left. */
    long queuedResponseBytes() {
        return responseBytes;
    }

    /** Whether to stop reading: too much under way or not yet read by the client. */
    boolean shouldMute() {
        return deferred != null
                || holding > 0
                || slots.size() >= MAX_PARKED_REQUESTS
                || requestBytes + responseBytes >= maxInFlightBytes;
    }

    /** The connection is gone. Requests under way go on; what waits for them is told. Returns the deferred request, if any. */
    Slot close() {
        closed = true;
        for (Iterator<Slot> it = slots.iterator(); it.hasNext(); ) {
            Slot slot = it.next();
            Runnable action = slot.onClosed;
            slot.onClosed = null;
            if (action != null) {
                action.run();
            }
            slot.records.forEach(AnswerRecords::close);
        }
        closeSending();
        slots.clear();
        if (late != null) {
            late.letGo();
            late = null;
        }
        Slot never = deferred;
        deferred = null;
        return never;
    }
}
