package io.troupe.controller;

import io.troupe.metadata.FieldReader;
import io.troupe.metadata.FieldWriter;

/** The bytes of {@link Quorum}'s messages and of publications: a tag, then the fields. */
final class QuorumCodec {
    private static final byte CLAIM = 1;
    private static final byte READ_LOG = 2;
    private static final byte APPEND = 3;
    private static final byte INSTALL_SNAPSHOT = 4;
    private static final byte PROMISED = 11;
    private static final byte REJECTED = 12;
    private static final byte LOG_SLICE = 13;
    private static final byte ACKED = 14;
    private static final byte MISMATCHED = 15;
    private static final byte SNAPSHOT_SLICE = 16;
    private static final byte SNAPSHOT_TAKEN = 17;
    private static final byte COMMITTED = 21;
    private static final byte SNAPSHOT_PART = 22;

    private QuorumCodec() {}

    static void putRequest(FieldWriter w, Quorum.Request request) {
        if (request instanceof Quorum.Claim m) {
            Epoch.put(w.putByte(CLAIM), m.epoch());
        } else if (request instanceof Quorum.ReadLog m) {
            Epoch.put(w.putByte(READ_LOG), m.epoch());
            w.putLong(m.fromIndex()).putInt(m.snapshotOffset());
        } else if (request instanceof Quorum.InstallSnapshot m) {
            Epoch.put(w.putByte(INSTALL_SNAPSHOT), m.epoch());
            w.putLong(m.sequence()).putLong(m.baseIndex());
            Epoch.put(w, m.baseEpoch());
            w.putInt(m.offset()).putInt(m.total()).putBytes(m.bytes());
        } else if (request instanceof Quorum.Append m) {
            Epoch.put(w.putByte(APPEND), m.epoch());
            w.putLong(m.sequence()).putLong(m.prevIndex());
            Epoch.put(w, m.prevEpoch());
            w.putList(m.entries(), VoterState::putEntry).putLong(m.commitIndex());
        }
    }

    static Quorum.Request getRequest(FieldReader r) {
        byte tag = r.getByte();
        return switch (tag) {
            case CLAIM -> new Quorum.Claim(Epoch.get(r));
            case READ_LOG -> new Quorum.ReadLog(Epoch.get(r), r.getLong(), r.getInt());
            case INSTALL_SNAPSHOT ->
                new Quorum.InstallSnapshot(
                        Epoch.get(r), r.getLong(), r.getLong(), Epoch.get(r), r.getInt(), r.getInt(), r.getBytes());
            case APPEND ->
                new Quorum.Append(
                        Epoch.get(r),
                        r.getLong(),
                        r.getLong(),
                        Epoch.get(r),
                        r.getList(VoterState::getEntry),
                        r.getLong());
            default -> throw unknown("request", tag);
        };
    }

    static void putReply(FieldWriter w, Quorum.Reply reply) {
        if (reply instanceof Quorum.Promised m) {
            Epoch.put(w.putByte(PROMISED).putInt(m.voter()), m.epoch());
            Epoch.put(w, m.lastEpoch());
            w.putLong(m.lastIndex()).putUuid(m.disk()).putBoolean(m.admitted()).putString(m.clusterId());
        } else if (reply instanceof Quorum.Rejected m) {
            Epoch.put(w.putByte(REJECTED).putInt(m.voter()), m.refused());
            Epoch.put(w, m.promised());
        } else if (reply instanceof Quorum.LogSlice m) {
            Epoch.put(w.putByte(LOG_SLICE).putInt(m.voter()), m.epoch());
            w.putLong(m.fromIndex()).putList(m.entries(), VoterState::putEntry).putLong(m.lastIndex());
        } else if (reply instanceof Quorum.Acked m) {
            Epoch.put(w.putByte(ACKED).putInt(m.voter()), m.epoch());
            w.putLong(m.sequence()).putLong(m.matchedIndex()).putUuid(m.disk());
        } else if (reply instanceof Quorum.Mismatched m) {
            Epoch.put(w.putByte(MISMATCHED).putInt(m.voter()), m.epoch());
            w.putLong(m.sequence())
                    .putLong(m.prevIndex())
                    .putLong(m.lastIndex())
                    .putUuid(m.disk());
        } else if (reply instanceof Quorum.SnapshotSlice m) {
            Epoch.put(w.putByte(SNAPSHOT_SLICE).putInt(m.voter()), m.epoch());
            Epoch.put(w.putLong(m.baseIndex()), m.baseEpoch());
            w.putInt(m.offset()).putInt(m.total()).putBytes(m.bytes());
        } else if (reply instanceof Quorum.SnapshotTaken m) {
            Epoch.put(w.putByte(SNAPSHOT_TAKEN).putInt(m.voter()), m.epoch());
            w.putLong(m.sequence())
                    .putLong(m.baseIndex())
                    .putInt(m.nextOffset())
                    .putUuid(m.disk());
        }
    }

    static Quorum.Reply getReply(FieldReader r) {
        byte tag = r.getByte();
        int voter = r.getInt();
        return switch (tag) {
            case PROMISED ->
                new Quorum.Promised(
                        voter, Epoch.get(r), Epoch.get(r), r.getLong(), r.getUuid(), r.getBoolean(), r.getString());
            case REJECTED -> new Quorum.Rejected(voter, Epoch.get(r), Epoch.get(r));
            case LOG_SLICE ->
                new Quorum.LogSlice(voter, Epoch.get(r), r.getLong(), r.getList(VoterState::getEntry), r.getLong());
            case ACKED -> new Quorum.Acked(voter, Epoch.get(r), r.getLong(), r.getLong(), r.getUuid());
            case MISMATCHED ->
                new Quorum.Mismatched(voter, Epoch.get(r), r.getLong(), r.getLong(), r.getLong(), r.getUuid());
            case SNAPSHOT_SLICE ->
                new Quorum.SnapshotSlice(
                        voter, Epoch.get(r), r.getLong(), Epoch.get(r), r.getInt(), r.getInt(), r.getBytes());
            case SNAPSHOT_TAKEN ->
                new Quorum.SnapshotTaken(voter, Epoch.get(r), r.getLong(), r.getLong(), r.getInt(), r.getUuid());
            default -> throw unknown("reply", tag);
        };
    }

    static void putPublication(FieldWriter w, Publication publication) {
        if (publication instanceof Publication.Committed m) {
            Epoch.put(w.putByte(COMMITTED), m.epoch());
            w.putLong(m.firstIndex()).putList(m.events(), FieldWriter::putBytes);
        } else if (publication instanceof Publication.SnapshotPart m) {
            Epoch.put(w.putByte(SNAPSHOT_PART), m.epoch());
            w.putLong(m.index()).putInt(m.part()).putInt(m.parts()).putBytes(m.bytes());
        }
    }

    static Publication getPublication(FieldReader r) {
        byte tag = r.getByte();
        return switch (tag) {
            case COMMITTED -> new Publication.Committed(Epoch.get(r), r.getLong(), r.getList(FieldReader::getBytes));
            case SNAPSHOT_PART ->
                new Publication.SnapshotPart(Epoch.get(r), r.getLong(), r.getInt(), r.getInt(), r.getBytes());
            default -> throw unknown("publication", tag);
        };
    }

    private static IllegalArgumentException unknown(String what, byte tag) {
        return new IllegalArgumentException("unknown " + what + " (tag " + tag + ")");
    }
}
