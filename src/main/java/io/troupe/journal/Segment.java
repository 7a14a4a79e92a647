package io.troupe.journal;

import io.troupe.record.BatchHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * One file of a log: whole v2 record batches, byte for byte as they travel, named by the offset it begins at.
 *
 * <p>The journal's thread appends and cuts; any thread reads what {@link #size} has published. Reader and writer use
 * channels of their own, because the JDK closes a channel under a thread that is interrupted, and an interrupted reader
 * must not stop the writer. The reader's channel is open only while somebody reads a closed segment, so open files are
 * bounded by the logs that are open and the reads under way; a file deleted meanwhile stays readable to them.
 */
final class Segment {
    static final String SUFFIX = ".log";

    /** Added to the name of a file that no longer belongs to its log and will be deleted. */
    static final String DELETED_SUFFIX = ".deleted";

    /** What is known of a closed segment without reading it. */
    record Summary(int size, long endOffset, long maxTimestamp) {}

    // Changes only while compaction puts the file in its place.
    private volatile Path path;
    private final long baseOffset;
    private final Disk disk;
    private volatile int size;
    private volatile long endOffset;
    private volatile long maxTimestamp = Long.MIN_VALUE;
    // Bytes below this were on disk before this process wrote: their CRC is checked on every read.
    private volatile int trustedFrom;
    // Null for a closed segment whose index lies in LevelDB.
    private volatile SparseIndex index;

    private final Object writerLock = new Object();
    private FileChannel writer;
    // Bytes known to be durable; guarded by writerLock.
    private int forcedTo;
    // Whether the next fsync must keep a smaller size too; guarded by writerLock.
    private boolean shortened;
    // The fsync that failed: the system tells it once and would call the next one good. Guarded by writerLock.
    private IOException failed;

    private FileChannel reader;
    private int readers;
    private boolean active;
    private volatile boolean newName;
    private boolean gone;
    private boolean damageTold;

    private Segment(Path path, long baseOffset, Disk disk) {
        this.path = path;
        this.disk = disk;
        this.baseOffset = baseOffset;
        this.endOffset = baseOffset;
    }

    static String fileName(long baseOffset) {
        return "%020d".formatted(baseOffset) + SUFFIX;
    }

    /** The file's base offset, -1 when it is no segment. */
    static long baseOffsetOf(Path file) {
        String name = file.getFileName().toString();
        if (name.length() != 20 + SUFFIX.length() || !name.endsWith(SUFFIX)) {
            return -1;
        }
        try {
            return Long.parseLong(name, 0, 20, 10);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    static Segment create(Path dir, long baseOffset, int indexIntervalBytes, Disk disk) throws IOException {
        Segment segment = new Segment(dir.resolve(fileName(baseOffset)), baseOffset, disk);
        segment.writer = disk.open(segment.path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        segment.index = new SparseIndex(indexIntervalBytes);
        segment.active = true;
        segment.newName = true;
        return segment;
    }

    /** A segment that is there; nothing is known of its content yet. */
    static Segment existing(Path file, long baseOffset, Disk disk) throws IOException {
        Segment segment = new Segment(file, baseOffset, disk);
        long bytes = disk.size(file);
        if (bytes > Integer.MAX_VALUE) {
            throw new IOException(file + " has " + bytes + " bytes; a segment has at most " + Integer.MAX_VALUE);
        }
        segment.size = (int) bytes;
        segment.trustedFrom = (int) bytes;
        return segment;
    }

    /** Takes what is known: at recovery, before anybody reads. */
    void known(Summary summary, SparseIndex knownIndex) {
        size = summary.size();
        trustedFrom = summary.size();
        endOffset = summary.endOffset();
        maxTimestamp = summary.maxTimestamp();
        index = knownIndex;
    }

    /** Makes this the segment that is appended to, cutting the file to the known size. */
    void activate() throws IOException {
        synchronized (writerLock) {
            if (writer == null) {
                writer = disk.open(path, StandardOpenOption.WRITE);
            }
            if (writer.size() > size) {
                writer.truncate(size);
                fsync(true);
                forcedTo = size;
            }
        }
        synchronized (this) {
            active = true;
        }
    }

    /**
     * Writes buffers of whole batches, checked by the caller, at the end; their positions move. Publishes nothing when it
     * fails.
     */
    void append(ByteBuffer[] buffers, WriteBuffer through) throws IOException {
        int start = size;
        int position = start;
        long max = maxTimestamp;
        long end = endOffset;
        SparseIndex entries = index;
        for (ByteBuffer buffer : buffers) {
            int at = buffer.position();
            while (at < buffer.limit()) {
                long greatest = BatchHeader.maxRecordTimestamp(buffer, at);
                entries = entries.add((int) (BatchHeader.baseOffset(buffer, at) - baseOffset), position, greatest);
                max = Math.max(max, greatest);
                end = BatchHeader.lastOffset(buffer, at) + 1;
                int bytes = BatchHeader.sizeInBytes(buffer, at);
                at += bytes;
                position += bytes;
            }
        }
        through.write(writer, start, buffers);
        index = entries;
        maxTimestamp = max;
        endOffset = end;
        size = position;
    }

    /**
     * Makes what was written durable; from the fsync pool.
     *
     * @throws DiskFailedException when this or an earlier fsync of the file failed
     */
    void force() throws IOException {
        synchronized (writerLock) {
            int written = size;
            if (writer != null && forcedTo < written) {
                fsync(shortened);
                forcedTo = written;
                shortened = false;
            }
        }
    }

    /** Of a closed segment that another process wrote and may not have forced: {@link #force} is to come. Cuts the file to the known size. */
    void reopenToForce() throws IOException {
        synchronized (writerLock) {
            writer = disk.open(path, StandardOpenOption.WRITE);
            if (writer.size() > size) {
                writer.truncate(size);
                shortened = true;
            }
        }
    }

    /** Whether {@link #force} has something to do. */
    boolean needsForce() {
        synchronized (writerLock) {
            return writer != null && forcedTo < size;
        }
    }

    /** What the file holds is known to be durable. */
    void alreadyForced() {
        synchronized (writerLock) {
            forcedTo = size;
        }
    }

    private void fsync(boolean metadata) throws IOException {
        if (failed == null) {
            try {
                disk.force(writer, metadata);
                return;
            } catch (IOException e) {
                failed = e;
            }
        }
        throw new DiskFailedException("fsync of " + path + " failed", failed);
    }

    /** Ends appending: what was written must have been forced, or be about to be cut away. */
    void closeWriter() throws IOException {
        synchronized (writerLock) {
            if (writer != null) {
                writer.close();
                writer = null;
            }
        }
        synchronized (this) {
            active = false;
            closeReaderIfIdle();
        }
    }

    /** Cuts at a batch boundary. */
    void truncate(int newSize, long newEndOffset, long newMaxTimestamp) throws IOException {
        maxTimestamp = newMaxTimestamp;
        endOffset = newEndOffset;
        size = newSize;
        trustedFrom = Math.min(trustedFrom, newSize);
        synchronized (writerLock) {
            writer.truncate(newSize);
            fsync(true);
            forcedTo = newSize;
        }
    }

    synchronized FileChannel acquire() throws IOException {
        if (gone) {
            throw new SegmentGoneException(path);
        }
        if (reader == null || !reader.isOpen()) {
            reader = disk.open(path, StandardOpenOption.READ);
        }
        readers++;
        return reader;
    }

    synchronized void release() {
        readers--;
        closeReaderIfIdle();
    }

    /**
     * A channel of the caller's own, that stays good whatever becomes of the segment.
     *
     * @throws SegmentGoneException after {@link #retire}, for then the name may be another file's
     */
    synchronized FileChannel openAnother() throws IOException {
        if (gone) {
            throw new SegmentGoneException(path);
        }
        return disk.open(path, StandardOpenOption.READ);
    }

    /** Gives the file another name, whoever reads it. */
    synchronized void moveTo(Path target) throws IOException {
        disk.rename(path, target);
        path = target;
    }

    /** No new reads from here on; those under way finish. */
    synchronized void retire() {
        gone = true;
        closeReaderIfIdle();
    }

    /** Also of the active segment, which otherwise keeps it: most logs are written and not read, or neither. */
    synchronized void closeIdleReader() {
        if (readers == 0) {
            closeReader();
        }
    }

    private void closeReaderIfIdle() {
        if (readers == 0 && (gone || !active)) {
            closeReader();
        }
    }

    private void closeReader() {
        if (reader != null) {
            try {
                reader.close();
            } catch (IOException e) {
                // Nothing was written through it: a failed close loses nothing.
            }
            reader = null;
        }
    }

    /** True the first time: damage is counted once and not logged again by every read that meets it. */
    synchronized boolean firstDamage() {
        boolean first = !damageTold;
        damageTold = true;
        if (first) {
            disk.stats().damaged(path);
        }
        return first;
    }

    /** Of its first no bytes. */
    Summary nothing() {
        return new Summary(0, baseOffset, Long.MIN_VALUE);
    }

    Summary summary() {
        return new Summary(size, endOffset, maxTimestamp);
    }

    /** Greatest timestamp of the first batch, -1 when that has none or is damaged. */
    long firstTimestampMs() throws IOException {
        FileChannel channel = acquire();
        try {
            BatchCursor cursor = new BatchCursor(channel, 0, size, BatchHeader.SIZE);
            return cursor.next() ? cursor.maxTimestamp() : BatchHeader.NO_TIMESTAMP;
        } finally {
            release();
            closeIdleReader();
        }
    }

    LogReader.SegmentInfo info() {
        // The end before the timestamp: so the timestamp covers all that lies before that end.
        long end = endOffset;
        int bytes = size;
        long largest = maxTimestamp;
        return new LogReader.SegmentInfo(baseOffset, end, bytes, largest >= 0 ? largest : lastWrittenMs());
    }

    /** Of a file that cannot be asked: now, so that nothing is deleted for it. */
    private long lastWrittenMs() {
        try {
            return disk.lastModifiedMs(path);
        } catch (IOException e) {
            return System.currentTimeMillis();
        }
    }

    /** Whether the file's name may not survive a power loss yet. */
    boolean needsDirectoryForce() {
        return newName;
    }

    void directoryForced() {
        newName = false;
    }

    void nameUnforced(boolean unforced) {
        newName = unforced;
    }

    void dropIndex() {
        index = null;
    }

    void useIndex(SparseIndex loaded) {
        index = loaded;
    }

    SparseIndex index() {
        return index;
    }

    Path path() {
        return path;
    }

    long baseOffset() {
        return baseOffset;
    }

    int size() {
        return size;
    }

    /** Exclusive. */
    long endOffset() {
        return endOffset;
    }

    long maxTimestamp() {
        return maxTimestamp;
    }

    int trustedFrom() {
        return trustedFrom;
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
