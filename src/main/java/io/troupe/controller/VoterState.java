package io.troupe.controller;

import io.troupe.metadata.FieldReader;
import io.troupe.metadata.FieldWriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * A metadata voter's durable state: the fold of what it appended to its journal. Nothing is ever cut from the journal: a
 * dropped suffix is an event too, so no promise before it is lost (SAFETY 2.3). Owned by one voter, mutable.
 */
final class VoterState {
    private static final byte VERSION = 0;
    private static final byte PROMISE_MADE = 1;
    private static final byte ENTRY_APPENDED = 2;
    private static final byte SUFFIX_DROPPED = 3;

    /** What a voter's journal holds. */
    sealed interface Event {}

    record PromiseMade(Epoch epoch) implements Event {}

    /** At the log's end. */
    record EntryAppended(Quorum.Entry entry) implements Event {}

    /** Everything at or beyond {@code fromIndex} is gone. */
    record SuffixDropped(long fromIndex) implements Event {}

    private Epoch promised = Epoch.NONE;
    private final List<Quorum.Entry> log = new ArrayList<>();
    /** Not durable: what a controller told last; -1 for nothing. */
    private long commitIndex = -1;

    void apply(Event event) {
        if (event instanceof PromiseMade e) {
            promised = e.epoch();
        } else if (event instanceof EntryAppended e) {
            log.add(e.entry());
        } else if (event instanceof SuffixDropped e) {
            log.subList((int) e.fromIndex(), log.size()).clear();
        }
    }

    Epoch promised() {
        return promised;
    }

    List<Quorum.Entry> log() {
        return Collections.unmodifiableList(log);
    }

    long lastIndex() {
        return log.size() - 1L;
    }

    Epoch lastEpoch() {
        return epochAt(lastIndex());
    }

    /** Epoch of the entry at {@code index}; {@link Epoch#NONE} for -1, null when there is none. */
    Epoch epochAt(long index) {
        if (index == -1) {
            return Epoch.NONE;
        }
        return index < log.size() ? log.get((int) index).epoch() : null;
    }

    long commitIndex() {
        return commitIndex;
    }

    void noteCommitted(long index) {
        commitIndex = Math.max(commitIndex, Math.min(index, lastIndex()));
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
            }
        });
        return w.toByteArray();
    }

    /** @throws IllegalArgumentException when the bytes are not what {@link #encode} writes */
    static List<Event> decode(byte[] bytes) {
        FieldReader r = new FieldReader(bytes);
        byte version = r.getByte();
        if (version != VERSION) {
            throw new IllegalArgumentException("metadata voter's record has version " + version + ", this Troupe reads "
                    + VERSION + ": use a newer one");
        }
        List<Event> events = r.getList(in -> {
            byte tag = in.getByte();
            return switch (tag) {
                case PROMISE_MADE -> new PromiseMade(Epoch.get(in));
                case ENTRY_APPENDED -> new EntryAppended(getEntry(in));
                case SUFFIX_DROPPED -> new SuffixDropped(in.getLong());
                default -> throw new IllegalArgumentException("unknown metadata voter's event (tag " + tag + ")");
            };
        });
        r.expectEnd();
        return events;
    }

    static void putEntry(FieldWriter w, Quorum.Entry entry) {
        Epoch.put(w, entry.epoch());
        w.putBytes(entry.value());
    }

    static Quorum.Entry getEntry(FieldReader r) {
        return new Quorum.Entry(Epoch.get(r), r.getBytes());
    }
}
