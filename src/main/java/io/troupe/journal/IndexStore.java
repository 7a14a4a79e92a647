package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.iq80.leveldb.CompressionType;
import org.iq80.leveldb.DB;
import org.iq80.leveldb.DBIterator;
import org.iq80.leveldb.Options;
import org.iq80.leveldb.WriteBatch;
import org.iq80.leveldb.WriteOptions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The LevelDB of one log dir: what can be derived from segments. Losing it, or any key, costs a walk over batch headers
 * and nothing else; so writes are not fsynced and a damaged store is replaced by an empty one. Safe from any thread.
 *
 * <pre>
 * key, 29 bytes                                      value
 *   'x' | topic id 16 | partition 4 | base offset 8    size 4 | end offset 8 | max timestamp 8 | index entries
 *   'p' | topic id 16 | partition 4 | offset 8         {@link ProducerSnapshot}
 * </pre>
 */
final class IndexStore implements AutoCloseable {
    static final String DIRECTORY = ".index";

    private static final Logger LOG = LoggerFactory.getLogger(IndexStore.class);
    private static final byte SEGMENT = 'x';
    private static final byte PRODUCERS = 'p';
    private static final int KEY_BYTES = 29;
    private static final int SUMMARY_BYTES = 20;

    private final DB db;
    // A call into the native store after it was closed would bring down the whole process.
    private final ReadWriteLock use = new ReentrantReadWriteLock();
    private boolean closed;
    private final boolean startedEmpty;

    private IndexStore(DB db, boolean startedEmpty) {
        this.db = db;
        this.startedEmpty = startedEmpty;
    }

    /**
     * Opens the store in {@code dir}, an empty one when there is none or it is damaged.
     *
     * @throws IOException when not even an empty one can be made
     */
    static IndexStore open(Path dir) throws IOException {
        boolean existed = Files.exists(dir.resolve("CURRENT"));
        Files.createDirectories(dir);
        try {
            return new IndexStore(LevelDb.open(dir.toFile(), options()), !existed);
        } catch (IOException | RuntimeException e) {
            LOG.warn(
                    "The index in {} cannot be read ({}). It is put aside and derived again from the segments; nothing is lost.",
                    dir,
                    e.getMessage());
            Directories.deleteRecursively(dir);
            Files.createDirectories(dir);
            try {
                return new IndexStore(LevelDb.open(dir.toFile(), options()), true);
            } catch (RuntimeException again) {
                throw new IOException(again);
            }
        }
    }

    /** Small on purpose: a broker has one store per disk, and what it holds is read seldom. */
    private static Options options() {
        return new Options()
                .createIfMissing(true)
                .paranoidChecks(true)
                .compressionType(CompressionType.NONE)
                .writeBufferSize(1 << 20)
                .cacheSize(1 << 20)
                .maxOpenFiles(64);
    }

    boolean startedEmpty() {
        return startedEmpty;
    }

    void putSegment(LogId id, long baseOffset, Segment.Summary summary, SparseIndex index) throws IOException {
        ByteBuffer value = ByteBuffer.allocate(SUMMARY_BYTES + index.storedBytes());
        value.putInt(summary.size()).putLong(summary.endOffset()).putLong(summary.maxTimestamp());
        index.writeTo(value);
        put(key(SEGMENT, id, baseOffset), value.array());
    }

    Optional<Segment.Summary> summary(LogId id, long baseOffset) {
        byte[] value = get(key(SEGMENT, id, baseOffset));
        if (value == null || value.length < SUMMARY_BYTES) {
            return Optional.empty();
        }
        ByteBuffer b = ByteBuffer.wrap(value);
        return Optional.of(new Segment.Summary(b.getInt(), b.getLong(), b.getLong()));
    }

    Optional<SparseIndex> index(LogId id, long baseOffset, int intervalBytes) {
        byte[] value = get(key(SEGMENT, id, baseOffset));
        if (value == null || value.length < SUMMARY_BYTES) {
            return Optional.empty();
        }
        return Optional.of(
                SparseIndex.read(ByteBuffer.wrap(value, SUMMARY_BYTES, value.length - SUMMARY_BYTES), intervalBytes));
    }

    void putProducers(LogId id, long offset, ByteBuffer snapshot) throws IOException {
        byte[] value = new byte[snapshot.remaining()];
        snapshot.duplicate().get(value);
        put(key(PRODUCERS, id, offset), value);
    }

    /** Snapshots by offset, those above {@code atMost} left out. */
    TreeMap<Long, ByteBuffer> producers(LogId id, long atMost) {
        TreeMap<Long, ByteBuffer> found = new TreeMap<>();
        scan(PRODUCERS, id, (offset, value) -> {
            if (offset <= atMost) {
                found.put(offset, ByteBuffer.wrap(value));
            }
        });
        return found;
    }

    void dropSegment(LogId id, long baseOffset) throws IOException {
        delete(List.of(key(SEGMENT, id, baseOffset)), false);
    }

    /**
     * Drops index keys of segments that begin in {@code [from, to)} and producer snapshots in between; durable on return.
     *
     * @param from inclusive
     * @param to exclusive
     */
    void dropBetween(LogId id, long from, long to) throws IOException {
        List<byte[]> keys = new ArrayList<>();
        scan(SEGMENT, id, (base, value) -> {
            if (base >= from && base < to) {
                keys.add(key(SEGMENT, id, base));
            }
        });
        scan(PRODUCERS, id, (at, value) -> {
            if (at > from && at < to) {
                keys.add(key(PRODUCERS, id, at));
            }
        });
        delete(keys, true);
    }

    /** Drops index keys of segments that begin at or beyond {@code offset} and producer snapshots beyond it. */
    void dropFrom(LogId id, long offset) throws IOException {
        delete(keysFrom(id, offset, offset), false);
    }

    /**
     * Drops index keys of segments that begin at or beyond {@code baseOffset} and producer snapshots beyond {@code
     * endOffset}; durable on return.
     */
    void dropCut(LogId id, long baseOffset, long endOffset) throws IOException {
        delete(keysFrom(id, baseOffset, endOffset), true);
    }

    private List<byte[]> keysFrom(LogId id, long baseOffset, long endOffset) {
        List<byte[]> keys = new ArrayList<>();
        scan(SEGMENT, id, (base, value) -> {
            if (base >= baseOffset) {
                keys.add(key(SEGMENT, id, base));
            }
        });
        scan(PRODUCERS, id, (at, value) -> {
            if (at > endOffset) {
                keys.add(key(PRODUCERS, id, at));
            }
        });
        return keys;
    }

    /** Drops producer snapshots below {@code offset}. */
    void dropProducersBelow(LogId id, long offset) throws IOException {
        List<byte[]> keys = new ArrayList<>();
        scan(PRODUCERS, id, (at, value) -> {
            if (at < offset) {
                keys.add(key(PRODUCERS, id, at));
            }
        });
        delete(keys, false);
    }

    void dropAll(LogId id) throws IOException {
        dropFrom(id, -1);
    }

    @Override
    public void close() throws IOException {
        use.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                db.close();
            }
        } catch (RuntimeException e) {
            throw new IOException(e);
        } finally {
            use.writeLock().unlock();
        }
    }

    private interface Entry {
        void accept(long offset, byte[] value);
    }

    private void scan(byte kind, LogId id, Entry visitor) {
        byte[] first = key(kind, id, 0);
        use.readLock().lock();
        try (DBIterator entries = closed ? null : db.iterator()) {
            if (entries == null) {
                return;
            }
            for (entries.seek(first); entries.hasNext(); ) {
                Map.Entry<byte[], byte[]> entry = entries.next();
                byte[] key = entry.getKey();
                if (key.length != KEY_BYTES || !ByteBuffer.wrap(key, 0, 21).equals(ByteBuffer.wrap(first, 0, 21))) {
                    return;
                }
                visitor.accept(ByteBuffer.wrap(key).getLong(21), entry.getValue());
            }
        } catch (IOException | RuntimeException e) {
            LOG.warn("Index of log {} cannot be read: {}. It is derived again from the segments.", id, e.toString());
        } finally {
            use.readLock().unlock();
        }
    }

    private byte[] get(byte[] key) {
        use.readLock().lock();
        try {
            return closed ? null : db.get(key);
        } catch (RuntimeException e) {
            LOG.warn("The index cannot be read: {}. What it held is derived again from the segments.", e.toString());
            return null;
        } finally {
            use.readLock().unlock();
        }
    }

    private void put(byte[] key, byte[] value) throws IOException {
        use.readLock().lock();
        try {
            checkOpen();
            db.put(key, value);
        } catch (RuntimeException e) {
            throw new IOException(e);
        } finally {
            use.readLock().unlock();
        }
    }

    private void delete(List<byte[]> keys, boolean durable) throws IOException {
        if (keys.isEmpty()) {
            return;
        }
        use.readLock().lock();
        try {
            checkOpen();
            try (WriteBatch batch = db.createWriteBatch()) {
                keys.forEach(batch::delete);
                db.write(batch, new WriteOptions().sync(durable));
            }
        } catch (RuntimeException e) {
            throw new IOException(e);
        } finally {
            use.readLock().unlock();
        }
    }

    private void checkOpen() throws IOException {
        if (closed) {
            throw new IOException("the index is closed");
        }
    }

    private static byte[] key(byte kind, LogId id, long offset) {
        return ByteBuffer.allocate(KEY_BYTES)
                .put(kind)
                .putLong(id.topicId().getMostSignificantBits())
                .putLong(id.topicId().getLeastSignificantBits())
                .putInt(id.partition())
                .putLong(offset)
                .array();
    }
}
