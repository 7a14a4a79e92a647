package io.troupe.journal;

import io.troupe.journal.MetaRecord.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The small truths of a log dir that segments do not hold, as one append-only file of {@link MetaRecord}s and their fold.
 * A torn tail is cut; a record with a bad CRC in the middle is skipped and makes the start an unclean one. Rewritten whole
 * (temporary file, fsync, rename, fsync of the directory) by the first {@link #force} after it has grown to four times what
 * that takes, at least 1 MiB. All methods are safe from any thread; appends wait for neither. What {@link #log} gives is stable while
 * the caller holds what keeps others from changing that log.
 */
final class MetaLog implements AutoCloseable {
    static final String FILE = "meta.log";

    private static final Logger LOG = LoggerFactory.getLogger(MetaLog.class);
    static final int MIN_REWRITE_BYTES = 1 << 20;

    /** For a buffer of the heap the JDK keeps a direct one of the size asked for. */
    private static final int PIECE_BYTES = 256 << 10;
    /** What a recovery point must not outlive. */
    private static final Set<Kind> SHAPE = EnumSet.of(Kind.LOG_START, Kind.EPOCH, Kind.EPOCHS_CUT);

    private final Path path;
    private final Disk disk;
    private final int minRewriteBytes;
    // Held by whoever makes something durable, and taken before the monitor.
    private final Object forcing = new Object();
    // The fsync that failed: the system tells it once and would call the next one good. Guarded by forcing.
    private IOException failed;
    private final Map<LogId, LogMeta> logs = new HashMap<>();
    private FileChannel channel;
    private long size;
    private long rewriteAt;
    // What takes the file's place soon, null for nothing: whatever is appended meanwhile stands in both.
    private FileChannel next;
    private long nextSize;
    private boolean clean;
    private boolean made;
    private boolean damaged;
    private long brokerEpoch = -1;
    // Whether a record of such a kind may not be durable.
    private boolean shapeUnforced;
    // Whether the directory of a log that was added may not be durable.
    private boolean namesUnforced;

    private MetaLog(Path path, Disk disk, int minRewriteBytes) {
        this.path = path;
        this.disk = disk;
        this.minRewriteBytes = minRewriteBytes;
    }

    /** Reads the file, making an empty one when there is none. */
    static MetaLog open(Path dir, Disk disk) throws IOException {
        return open(dir, disk, MIN_REWRITE_BYTES);
    }

    /** @param minRewriteBytes what it may always grow to before it is rewritten */
    static MetaLog open(Path dir, Disk disk, int minRewriteBytes) throws IOException {
        MetaLog log = new MetaLog(dir.resolve(FILE), disk, minRewriteBytes);
        boolean existed = disk.exists(log.path);
        log.channel = disk.open(log.path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        // A new dir has no tails to check.
        log.clean = !existed;
        log.made = !existed;
        if (existed) {
            log.load();
        }
        // Not by the size that it was left with, or it would grow fourfold from one start to the next.
        log.rewriteAt = log.rewriteAfter(log.state().remaining());
        return log;
    }

    private void load() throws IOException {
        long bytes = channel.size();
        if (bytes > Integer.MAX_VALUE) {
            throw new IOException(path + " has " + bytes + " bytes; it is rewritten long before");
        }
        ByteBuffer content = ByteBuffer.allocate((int) bytes);
        BatchCursor.readFully(channel, content, 0);
        content.flip();
        int at = 0;
        while (at < bytes) {
            int end = recordEnd(content, at);
            if (end < 0) {
                int resumed = at + 1;
                while (resumed < bytes && recordEnd(content, resumed) < 0) {
                    resumed++;
                }
                if (resumed == bytes) {
                    break;
                }
                damaged = true;
                LOG.error("{}: what stands between positions {} and {} is damaged; it is skipped.", path, at, resumed);
                at = resumed;
                continue;
            }
            int body = at + MetaRecord.FRAME_BYTES;
            MetaRecord record = MetaRecord.decode(content.slice(body, end - body));
            if (record != null) {
                apply(record);
            }
            at = end;
        }
        size = at;
        if (at < bytes) {
            LOG.warn("{}: cut {} bytes of an unfinished record at position {}.", path, bytes - at, at);
            channel.truncate(at);
            clean = false;
        }
        if (damaged) {
            clean = false;
            logs.values().forEach(l -> l.closed = false);
            // Told once: the next start finds it whole.
            rewrite();
        }
    }

    /** Where the record at a position ends, -1 when none stands there whole. */
    private static int recordEnd(ByteBuffer content, int at) {
        if (content.limit() - at < MetaRecord.FRAME_BYTES) {
            return -1;
        }
        int length = content.getInt(at);
        int body = at + MetaRecord.FRAME_BYTES;
        boolean whole = length >= MetaRecord.FIXED_BYTES
                && length <= MetaRecord.MAX_BODY_BYTES
                && length <= content.limit() - body
                && Checksum.crc32c(content, body, length) == content.getInt(at + 4);
        return whole ? body + length : -1;
    }

    private void apply(MetaRecord record) {
        switch (record.kind()) {
            case DIR_OPENED -> clean = false;
            case DIR_CLOSED -> {
                clean = true;
                brokerEpoch = record.a();
            }
            case LOG -> logs.put(record.id(), new LogMeta(record.topic()));
            case LOG_REMOVED -> logs.remove(record.id());
            default -> {
                LogMeta log = logs.get(record.id());
                if (log != null) {
                    applyTo(log, record);
                }
            }
        }
    }

    private static void applyTo(LogMeta log, MetaRecord record) {
        switch (record.kind()) {
            case LOG_START -> log.startAt(record.a());
            case EPOCH -> log.addEpoch((int) record.a(), record.b());
            case EPOCHS_CUT -> {
                log.cutEpochs(record.a());
                log.recoveryPoint = Math.min(log.recoveryPoint, record.a());
                log.highWatermark = Math.min(log.highWatermark, record.a());
                log.logStartOffset = Math.min(log.logStartOffset, record.a());
                log.cleanedTo = Math.min(log.cleanedTo, record.a());
            }
            case HIGH_WATERMARK -> log.highWatermark = record.a();
            case CLEANED -> log.cleanedTo = record.a();
            case RECOVERY_POINT -> log.recoveryPoint = record.a();
            case LOG_OPENED -> log.closed = false;
            case EMPTIED -> log.empty(record.a());
            case LOG_CLOSED -> {
                log.closed = true;
                log.emptied = false;
                log.closedEndOffset = record.a();
                log.logStartOffset = Math.min(log.logStartOffset, record.a());
                log.closedSize = record.b();
            }
            default -> throw new IllegalStateException("not about one log: " + record);
        }
    }

    /**
     * Writes and applies; durable only after {@link #force}, and with it a log's directory, which is made before the log is
     * added.
     */
    synchronized void append(MetaRecord record) throws IOException {
        try {
            write(record.encode());
            apply(record);
            shapeUnforced |= SHAPE.contains(record.kind());
            namesUnforced |= record.kind() == Kind.LOG;
        } catch (IOException e) {
            throw new DiskFailedException("writing " + path + " failed", e);
        }
    }

    /**
     * Makes all that was appended before the call durable.
     *
     * @throws DiskFailedException when this or an earlier fsync of the file failed
     */
    void force() throws IOException {
        synchronized (forcing) {
            if (failed == null) {
                FileChannel current;
                boolean names;
                boolean grown;
                synchronized (this) {
                    current = channel;
                    names = namesUnforced;
                    grown = size >= rewriteAt;
                    shapeUnforced = false;
                    namesUnforced = false;
                }
                try {
                    if (names) {
                        disk.forceDirectory(path.getParent());
                    }
                    if (grown) {
                        rewrite();
                    } else {
                        disk.force(current, false);
                    }
                    return;
                } catch (IOException e) {
                    failed = e;
                }
            }
            throw new DiskFailedException("fsync of " + path + " failed", failed);
        }
    }

    /**
     * Makes epochs and log starts durable that were appended before the call. Due before a recovery point is told: recovery
     * learns from batches only behind it, and of two records that are not durable a power loss may take the first alone.
     */
    void forceShape() throws IOException {
        // Who forces now holds this until it is done.
        synchronized (forcing) {
            synchronized (this) {
                if (!shapeUnforced && failed == null) {
                    return;
                }
            }
            force();
        }
    }

    /**
     * Rewrites it if it has grown enough and nobody has wanted anything forced since.
     *
     * @throws DiskFailedException as {@link #force} does
     */
    void forceIfGrown() throws IOException {
        synchronized (forcing) {
            synchronized (this) {
                if (size < rewriteAt) {
                    return;
                }
            }
            force();
        }
    }

    private long rewriteAfter(long bytes) {
        return Math.max(minRewriteBytes, 4 * bytes);
    }

    private void write(ByteBuffer record) throws IOException {
        if (next != null) {
            nextSize += writeFully(next, record.duplicate(), nextSize);
        }
        size += writeFully(channel, record, size);
    }

    private static int writeFully(FileChannel to, ByteBuffer bytes, long position) throws IOException {
        int written = 0;
        while (bytes.hasRemaining()) {
            int piece = Math.min(PIECE_BYTES, bytes.remaining());
            int n = to.write(bytes.slice(bytes.position(), piece), position + written);
            bytes.position(bytes.position() + n);
            written += n;
        }
        return written;
    }

    /**
     * Beside appends, which stand in the old file and in the new one from the moment whose state the new one begins with. None of
     * them is told to be durable meanwhile: {@link #forcing} is held. So it does not matter which of the two a power loss leaves.
     */
    private void rewrite() throws IOException {
        Path temporary = path.resolveSibling(FILE + ".tmp");
        FileChannel fresh = disk.open(
                temporary,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        ByteBuffer state;
        synchronized (this) {
            state = state();
            next = fresh;
            nextSize = state.remaining();
        }
        int stateBytes = writeFully(fresh, state, 0);
        disk.force(fresh, true);
        disk.rename(temporary, path);
        disk.forceDirectory(path.getParent());
        FileChannel old;
        synchronized (this) {
            old = channel;
            channel = fresh;
            size = nextSize;
            next = null;
            rewriteAt = rewriteAfter(stateBytes);
        }
        old.close();
    }

    /** All that the file tells, as records. */
    private ByteBuffer state() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        add(out, MetaRecord.dir(clean ? Kind.DIR_CLOSED : Kind.DIR_OPENED, brokerEpoch));
        logs.forEach((id, log) -> addLog(out, id, log));
        return ByteBuffer.wrap(out.toByteArray());
    }

    private static void add(ByteArrayOutputStream out, MetaRecord record) {
        ByteBuffer bytes = record.encode();
        out.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
    }

    private static void addLog(ByteArrayOutputStream out, LogId id, LogMeta log) {
        add(out, MetaRecord.log(id, log.topic));
        if (log.emptied) {
            add(out, MetaRecord.of(Kind.EMPTIED, id, log.logStartOffset, 0));
        }
        add(out, MetaRecord.of(Kind.LOG_START, id, log.logStartOffset, 0));
        add(out, MetaRecord.of(Kind.RECOVERY_POINT, id, log.recoveryPoint, 0));
        add(out, MetaRecord.of(Kind.HIGH_WATERMARK, id, log.highWatermark, 0));
        add(out, MetaRecord.of(Kind.CLEANED, id, log.cleanedTo, 0));
        for (JournalCommand.EpochStart epoch : log.epochs) {
            add(out, MetaRecord.of(Kind.EPOCH, id, epoch.leaderEpoch(), epoch.startOffset()));
        }
        if (log.closed) {
            add(out, MetaRecord.of(Kind.LOG_CLOSED, id, log.closedEndOffset, log.closedSize));
        }
    }

    /** Whether records were found damaged at the start, so that it may tell less than was durable. */
    synchronized boolean damaged() {
        return damaged;
    }

    /** Whether there was no such file before. */
    synchronized boolean made() {
        return made;
    }

    /** Whether the dir was closed in order before it was opened now. */
    synchronized boolean clean() {
        return clean;
    }

    /** The broker epoch that the last clean-shutdown marker carried, -1 for none. */
    synchronized long brokerEpoch() {
        return brokerEpoch;
    }

    /** Null when the dir holds no such log. */
    synchronized LogMeta log(LogId id) {
        return logs.get(id);
    }

    synchronized Collection<LogId> ids() {
        return List.copyOf(logs.keySet());
    }

    @Override
    public synchronized void close() throws IOException {
        channel.close();
        if (next != null) {
            next.close();
        }
    }
}
