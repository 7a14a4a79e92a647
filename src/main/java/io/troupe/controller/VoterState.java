package io.troupe.controller;

import io.troupe.metadata.FieldReader;
import io.troupe.metadata.FieldWriter;
import io.troupe.metadata.MetadataCodec;
import io.troupe.metadata.MetadataEvent;
import io.troupe.metadata.MetadataImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.kafka.common.Uuid;

/**
 * A metadata voter's durable state: the fold of what it appended to its journal, from a snapshot on. Nothing is ever cut from the journal but by
 * a snapshot, which holds the promise too: a dropped suffix is an event, so no promise is lost (SAFETY 2.3). Owned by one voter, mutable.
 */
final class VoterState {
    private static final byte VERSION = 0;
    private static final byte PROMISE_MADE = 1;
    private static final byte ENTRY_APPENDED = 2;
    private static final byte SUFFIX_DROPPED = 3;
    private static final byte DISK_NAMED = 4;
    private static final byte ADMITTED = 5;
    private static final byte BEGUN_AT = 6;
    private static final byte STARTED_ANEW = 7;

    /** What a voter's journal holds. */
    sealed interface Event {}

    record PromiseMade(Epoch epoch) implements Event {}

    /** At the log's end. */
    record EntryAppended(Quorum.Entry entry) implements Event {}

    /** Everything at or beyond {@code fromIndex} is gone. */
    record SuffixDropped(long fromIndex) implements Event {}

    /** First of all: this disk's id. */
    record DiskNamed(Uuid disk) implements Event {}

    /** A committed entry lets this disk vote (2.9). */
    record Admitted() implements Event {}

    /** The log is this snapshot, got from a controller, and nothing else. */
    record BegunAt(Quorum.Base base) implements Event {}

    /** What was there is damaged: an empty log on a disk with another id. */
    record StartedAnew(Uuid disk) implements Event {}

    private Epoch promised = Epoch.NONE;
    private Quorum.Base base = Quorum.Base.START;
    private final List<Quorum.Entry> log = new ArrayList<>();
    private Uuid disk;
    private boolean admitted;
    /** What went before is lost: events say nothing until it starts anew. */
    private boolean damaged;
    /** Not durable: what a controller told last, or the snapshot's; -1 for nothing. */
    private long commitIndex = -1;
    /** Up to here it was looked whether this disk may vote. */
    private long lookedTo = -2;

    private boolean letIn;

    /** A voter whose snapshots are all damaged. */
    static VoterState ofDamage() {
        VoterState state = new VoterState();
        state.damaged = true;
        return state;
    }

    void apply(Event event) {
        if (event instanceof PromiseMade e) {
            promised = e.epoch();
        } else if (event instanceof StartedAnew e) {
            begin(Quorum.Base.START);
            disk = e.disk();
            admitted = false;
            damaged = false;
        } else if (damaged) {
            return;
        } else if (event instanceof EntryAppended e) {
            log.add(e.entry());
        } else if (event instanceof SuffixDropped e) {
            log.subList(place(e.fromIndex()), log.size()).clear();
        } else if (event instanceof DiskNamed e) {
            disk = e.disk();
        } else if (event instanceof Admitted) {
            admitted = true;
        } else if (event instanceof BegunAt e) {
            begin(e.base());
        }
    }

    private void begin(Quorum.Base newBase) {
        base = newBase;
        log.clear();
        commitIndex = newBase.index();
        lookedTo = -2;
        letIn = false;
    }

    private int place(long index) {
        return (int) (index - base.index() - 1);
    }

    Epoch promised() {
        return promised;
    }

    /** What the log begins with. */
    Quorum.Base base() {
        return base;
    }

    /** The entries after {@link #base}, in order. */
    List<Quorum.Entry> log() {
        return Collections.unmodifiableList(log);
    }

    /** Null before the first event of all. */
    Uuid disk() {
        return disk;
    }

    boolean admitted() {
        return admitted;
    }

    boolean damaged() {
        return damaged;
    }

    long lastIndex() {
        return base.index() + log.size();
    }

    Epoch lastEpoch() {
        return epochAt(lastIndex());
    }

    /** Epoch of the entry at {@code index}; null when there is none, or none any more. */
    Epoch epochAt(long index) {
        if (index == base.index()) {
            return base.epoch();
        }
        return index > base.index() && index <= lastIndex()
                ? log.get(place(index)).epoch()
                : null;
    }

    long commitIndex() {
        return commitIndex;
    }

    void noteCommitted(long index) {
        commitIndex = Math.max(commitIndex, Math.min(index, lastIndex()));
    }

    /** Whether something committed lets this disk vote; each entry is looked at once. */
    boolean letIn(int nodeId) {
        if (lookedTo < base.index()) {
            lookedTo = base.index();
            letIn = disk.equals(baseImage().voters().get(nodeId));
        }
        while (lookedTo < commitIndex) {
            lookedTo++;
            MetadataEvent event = MetadataCodec.decode(log.get(place(lookedTo)).value());
            if (event instanceof MetadataEvent.VoterAdmitted e && e.nodeId() == nodeId) {
                letIn = e.diskId().equals(disk);
            }
        }
        return letIn;
    }

    /** Of the cluster whose metadata this is; null while there is none. */
    String clusterId() {
        if (base.index() >= 0) {
            return baseImage().clusterId();
        }
        return !log.isEmpty() && MetadataCodec.decode(log.get(0).value()) instanceof MetadataEvent.ControllerElected e
                ? e.clusterId()
                : null;
    }

    private MetadataImage baseImage() {
        return base.index() < 0 ? MetadataImage.empty() : MetadataCodec.decodeImage(base.image());
    }

    /** Puts what is committed into the base. Says the same in fewer words, so nothing of it need be an event. */
    void compact() {
        if (commitIndex <= base.index()) {
            return;
        }
        MetadataImage image = baseImage();
        Epoch epoch = epochAt(commitIndex);
        int count = place(commitIndex) + 1;
        for (Quorum.Entry entry : log.subList(0, count)) {
            image = image.apply(image.index() + 1, MetadataCodec.decode(entry.value()));
        }
        base = new Quorum.Base(commitIndex, epoch, MetadataCodec.encodeImage(image));
        log.subList(0, count).clear();
    }

    /** The whole state, for a snapshot. */
    byte[] encode() {
        FieldWriter w = new FieldWriter().putByte(VERSION);
        Epoch.put(w, promised);
        w.putUuid(disk == null ? Uuid.ZERO_UUID : disk).putBoolean(admitted);
        putBase(w, base);
        w.putList(log, VoterState::putEntry);
        return w.toByteArray();
    }

    /** @throws IllegalArgumentException when the bytes are not what {@link #encode()} writes */
    static VoterState decodeState(byte[] bytes) {
        FieldReader r = new FieldReader(bytes);
        version(r, "snapshot");
        VoterState state = new VoterState();
        state.promised = Epoch.get(r);
        Uuid disk = r.getUuid();
        state.disk = disk.equals(Uuid.ZERO_UUID) ? null : disk;
        state.admitted = r.getBoolean();
        state.begin(getBase(r));
        state.log.addAll(r.getList(VoterState::getEntry));
        r.expectEnd();
        return state;
    }

    /** All events of one answer in one journal record: they are durable together or not at all. */
    static byte[] encode(List<Event> events) {
        FieldWriter w = new FieldWriter().putByte(VERSION);
        w.putList(events, (out, event) -> {
            if (event instanceof PromiseMade e) {
                Epoch.put(out.putByte(PROMISE_MADE), e.epoch());
            } else if (event instanceof EntryAppended e) {
                putEntry(out.putByte(ENTRY_APPENDED), e.entry());
            } else if (event instanceof SuffixDropped e) {
                out.putByte(SUFFIX_DROPPED).putLong(e.fromIndex());
            } else if (event instanceof DiskNamed e) {
                out.putByte(DISK_NAMED).putUuid(e.disk());
            } else if (event instanceof Admitted) {
                out.putByte(ADMITTED);
            } else if (event instanceof BegunAt e) {
                putBase(out.putByte(BEGUN_AT), e.base());
            } else if (event instanceof StartedAnew e) {
                out.putByte(STARTED_ANEW).putUuid(e.disk());
            }
        });
        return w.toByteArray();
    }

    /** @throws IllegalArgumentException when the bytes are not what {@link #encode(List)} writes */
    static List<Event> decode(byte[] bytes) {
        FieldReader r = new FieldReader(bytes);
        version(r, "record");
        List<Event> events = r.getList(in -> {
            byte tag = in.getByte();
            return switch (tag) {
                case PROMISE_MADE -> new PromiseMade(Epoch.get(in));
                case ENTRY_APPENDED -> new EntryAppended(getEntry(in));
                case SUFFIX_DROPPED -> new SuffixDropped(in.getLong());
                case DISK_NAMED -> new DiskNamed(in.getUuid());
                case ADMITTED -> new Admitted();
                case BEGUN_AT -> new BegunAt(getBase(in));
                case STARTED_ANEW -> new StartedAnew(in.getUuid());
                default -> throw new IllegalArgumentException("unknown metadata voter's event (tag " + tag + ")");
            };
        });
        r.expectEnd();
        return events;
    }

    private static void version(FieldReader r, String what) {
        byte version = r.getByte();
        if (version != VERSION) {
            throw new IllegalArgumentException("metadata voter's " + what + " has version " + version
                    + ", this Troupe reads " + VERSION + ": use a newer one");
        }
    }

    static void putEntry(FieldWriter w, Quorum.Entry entry) {
        Epoch.put(w, entry.epoch());
        w.putBytes(entry.value());
    }

    static Quorum.Entry getEntry(FieldReader r) {
        return new Quorum.Entry(Epoch.get(r), r.getBytes());
    }

    private static void putBase(FieldWriter w, Quorum.Base base) {
        Epoch.put(w.putLong(base.index()), base.epoch());
        w.putBytes(base.image());
    }

    private static Quorum.Base getBase(FieldReader r) {
        return new Quorum.Base(r.getLong(), Epoch.get(r), r.getBytes());
    }
}
