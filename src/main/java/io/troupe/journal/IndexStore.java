package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
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
 * and nothing else; so writes are not fsynced, and of a damaged store what can be read serves on. Safe from any thread.
 *
 * <pre>
 * key, 29 bytes                                      value
 *   's' | topic id 16 | partition 4 | base offset 8    size 4 | end offset 8 | max timestamp 8
 *   'i' | topic id 16 | partition 4 | base offset 8    size 4 | {@link SparseIndex}
 *   'p' | topic id 16 | partition 4 | offset 8         {@link ProducerSnapshot}
 * </pre>
 *
 * <p>A segment's summary and its index are apart because an opening needs every summary and next to no index. The size
 * tells of which file an index is.
 */
final class IndexStore implements AutoCloseable {
    static final String DIRECTORY = ".index";

    private static final Logger LOG = LoggerFactory.getLogger(IndexStore.class);
    private static final byte SUMMARY = 's';
    private static final byte INDEX = 'i';
    private static final byte PRODUCERS = 'p';
    private static final int KEY_BYTES = 29;
    private static final int SUMMARY_BYTES = 20;
    private static final int SIZE_BYTES = 4;
    /** Of what lies within one segment, so many are read: the last one serves unless something was cut or damaged. */
    private static final int SNAPSHOTS_READ = 3;

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
            return new IndexStore(LevelDb.open(dir.toFile(), options(true)), !existed);
        } catch (IOException | RuntimeException e) {
            return existed ? openDamaged(dir, e) : openAnew(dir, e);
        }
    }

    /** A process killed in the middle of a write leaves a log with a hole: only what it tells of is lost. */
    private static IndexStore openDamaged(Path dir, Exception damage) throws IOException {
        try {
            IndexStore rest = new IndexStore(LevelDb.open(dir.toFile(), options(false)), false);
            LOG.info(
                    "A write to the index in {} was cut short ({}). What it held is derived again from the segments.",
                    dir,
                    damage.getMessage());
            return rest;
        } catch (IOException | RuntimeException e) {
            return openAnew(dir, e);
        }
    }

    private static IndexStore openAnew(Path dir, Exception damage) throws IOException {
        LOG.warn(
                "The index in {} cannot be read ({}). It is dropped and derived again from the segments; nothing is lost.",
                dir,
                damage.getMessage());
        Directories.deleteRecursively(dir);
        Files.createDirectories(dir);
        try {
            return new IndexStore(LevelDb.open(dir.toFile(), options(true)), true);
        } catch (RuntimeException again) {
            throw new IOException(again);
        }
    }

    /**
     * Small on purpose: a broker has one store per disk, and what it holds is read seldom.
     *
     * @param paranoid refuse a store whose log is damaged, instead of leaving out what cannot be read
     */
    private static Options options(boolean paranoid) {
        return new Options()
                .createIfMissing(true)
                .paranoidChecks(paranoid)
                .compressionType(CompressionType.NONE)
                .writeBufferSize(1 << 20)
                .cacheSize(1 << 20)
                .maxOpenFiles(64);
    }

    boolean startedEmpty() {
        return startedEmpty;
    }

    /** @param index as {@link SparseIndex#stored} gives it */
    void putSegment(LogId id, long baseOffset, Segment.Summary summary, ByteBuffer index) throws IOException {
        byte[] known = ByteBuffer.allocate(SUMMARY_BYTES)
                .putInt(summary.size())
                .putLong(summary.endOffset())
                .putLong(summary.maxTimestamp())
                .array();
        ByteBuffer entries = ByteBuffer.allocate(SIZE_BYTES + index.remaining())
                .putInt(summary.size())
                .put(index.duplicate());
        write(
                batch ->
                        batch.put(key(INDEX, id, baseOffset), entries.array()).put(key(SUMMARY, id, baseOffset), known),
                false);
    }

    Optional<Segment.Summary> summary(LogId id, long baseOffset) {
        byte[] value = get(key(SUMMARY, id, baseOffset));
        if (value == null || value.length != SUMMARY_BYTES) {
            return Optional.empty();
        }
        ByteBuffer b = ByteBuffer.wrap(value);
        return Optional.of(new Segment.Summary(b.getInt(), b.getLong(), b.getLong()));
    }

    /** @param size of the segment in bytes; an index of another size is not its */
    Optional<SparseIndex> index(LogId id, long baseOffset, int size, int intervalBytes) {
        byte[] value = get(key(INDEX, id, baseOffset));
        if (value == null
                || value.length < SIZE_BYTES + Long.BYTES
                || ByteBuffer.wrap(value).getInt() != size) {
            return Optional.empty();
        }
        return Optional.of(
                SparseIndex.read(ByteBuffer.wrap(value, SIZE_BYTES, value.length - SIZE_BYTES), intervalBytes));
    }

    void putProducers(LogId id, long offset, ByteBuffer snapshot) throws IOException {
        byte[] value = new byte[snapshot.remaining()];
        snapshot.duplicate().get(value);
        write(batch -> batch.put(key(PRODUCERS, id, offset), value), false);
    }

    /**
     * The last few snapshots in a range of offsets.
     *
     * @param from inclusive
     * @param to inclusive
     */
    NavigableMap<Long, ByteBuffer> producers(LogId id, long from, long to) {
        TreeMap<Long, ByteBuffer> found = new TreeMap<>();
        scan(PRODUCERS, id, from, to, (offset, value) -> {
            found.put(offset, ByteBuffer.wrap(value));
            if (found.size() > SNAPSHOTS_READ) {
                found.pollFirstEntry();
            }
        });
        return found;
    }

    /** The snapshot at an offset. */
    Optional<ByteBuffer> producersAt(LogId id, long offset) {
        return Optional.ofNullable(get(key(PRODUCERS, id, offset))).map(ByteBuffer::wrap);
    }

    void dropSegment(LogId id, long baseOffset) throws IOException {
        delete(List.of(key(SUMMARY, id, baseOffset), key(INDEX, id, baseOffset)), false);
    }

    /**
     * Drops what is known of segments that begin in {@code [from, to)} and producer snapshots in between; durable on return.
     *
     * @param from inclusive
     * @param to exclusive
     */
    void dropBetween(LogId id, long from, long to) throws IOException {
        List<byte[]> keys = segmentKeys(id, from, to - 1);
        keys.addAll(keys(PRODUCERS, id, from + 1, to - 1));
        delete(keys, true);
    }

    /**
     * Drops what is known of segments that begin at or beyond {@code baseOffset} and producer snapshots beyond {@code
     * endOffset}; durable on return.
     */
    void dropCut(LogId id, long baseOffset, long endOffset) throws IOException {
        List<byte[]> keys = segmentKeys(id, baseOffset, Long.MAX_VALUE);
        keys.addAll(keys(PRODUCERS, id, endOffset + 1, Long.MAX_VALUE));
        delete(keys, true);
    }

    /** Drops producer snapshots in {@code [from, to)}. */
    void dropProducers(LogId id, long from, long to) throws IOException {
        delete(keys(PRODUCERS, id, from, to - 1), false);
    }

    /** @param durable for a log of that id that is made anew */
    void dropAll(LogId id, boolean durable) throws IOException {
        List<byte[]> keys = segmentKeys(id, 0, Long.MAX_VALUE);
        keys.addAll(keys(PRODUCERS, id, 0, Long.MAX_VALUE));
        delete(keys, durable);
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

    private List<byte[]> segmentKeys(LogId id, long from, long to) {
        List<byte[]> keys = keys(SUMMARY, id, from, to);
        keys.addAll(keys(INDEX, id, from, to));
        return keys;
    }

    private List<byte[]> keys(byte kind, LogId id, long from, long to) {
        List<byte[]> keys = new ArrayList<>();
        scan(kind, id, from, to, (offset, value) -> keys.add(key(kind, id, offset)));
        return keys;
    }

    /** Both bounds inclusive; none is below 0. */
    private void scan(byte kind, LogId id, long from, long to, Entry visitor) {
        byte[] first = key(kind, id, from);
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
                long offset = ByteBuffer.wrap(key).getLong(21);
                if (offset > to) {
                    return;
                }
                visitor.accept(offset, entry.getValue());
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

    private void delete(List<byte[]> keys, boolean durable) throws IOException {
        if (!keys.isEmpty()) {
            write(batch -> keys.forEach(batch::delete), durable);
        }
    }

    private void write(Consumer<WriteBatch> changes, boolean durable) throws IOException {
        use.readLock().lock();
        try {
            checkOpen();
            try (WriteBatch batch = db.createWriteBatch()) {
                changes.accept(batch);
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
