package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a rewritten segment in the place of the run of closed segments that it was made of. A crash at any point leaves either
 * the run or the rewritten segment, after {@link #recover}, which comes before anybody looks at a log's files:
 *
 * <pre>
 * step                                                    after a crash here
 *    B.log.cleaned written and forced                     deleted
 *    index keys of the run dropped, durably               (derived again)
 *    renamed to B-E.swap, directory forced                from here on the swap is completed:
 *    files of the run but the first deleted, forced         those from B to E, B itself excepted, are deleted,
 *    renamed to B.log, over the first, forced               then renamed
 *    index and producer state kept anew                   derived again
 * B, E: base offsets of the run's first segment and of the segment behind the run, 20 digits
 * </pre>
 *
 * <p>Readers find the new segment from the first rename on, those under way finish on the old files.
 */
final class SegmentSwap {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentSwap.class);
    private static final String CLEANED_SUFFIX = Segment.SUFFIX + ".cleaned";
    private static final String SWAP_SUFFIX = ".swap";
    private static final int DIGITS = 20;
    private static final int SWAP_NAME_LENGTH = DIGITS + 1 + DIGITS + SWAP_SUFFIX.length();

    private final PartitionLog log;
    private final LogDirContext dir;

    SegmentSwap(PartitionLog log, LogDirContext dir) {
        this.log = log;
        this.dir = dir;
    }

    static String cleanedName(long baseOffset) {
        return "%020d".formatted(baseOffset) + CLEANED_SUFFIX;
    }

    static String swapName(long baseOffset, long endOffset) {
        return "%020d-%020d".formatted(baseOffset, endOffset) + SWAP_SUFFIX;
    }

    /**
     * Swaps; waits for the disk a few times, and while it does nobody can cut or close the log.
     *
     * @param fresh written and forced by {@link SegmentRewrite}
     * @return false when the log was cut, closed or shortened meanwhile: nothing changed, the file is gone
     * @throws DiskFailedException when the files cannot be renamed; the next start completes or undoes it
     */
    boolean swap(List<Segment> run, Segment fresh) throws IOException {
        synchronized (log.derived()) {
            List<Segment> before = List.of(log.segments());
            int behind = before.indexOf(run.get(run.size() - 1)) + 1;
            long end = behind > 0 && behind < before.size() ? before.get(behind).baseOffset() : -1;
            if (end < 0 || log.retired()) {
                dir.disk().delete(fresh.path());
                return false;
            }
            Optional<ByteBuffer> producers = ProducerSnapshot.at(dir.indexes(), log.id(), before, end);
            if (!log.replace(run, fresh)) {
                dir.disk().delete(fresh.path());
                return false;
            }
            for (Segment old : run) {
                old.retire();
                dir.cache().remove(old);
            }
            try {
                // Durably: what is left of them would be taken for the new file's when the sizes are the same.
                dir.indexes().dropBetween(log.id(), run.get(0).baseOffset(), end);
                rename(run, fresh, end);
            } catch (IOException e) {
                throw new DiskFailedException("putting " + fresh + " in its place failed", e);
            }
            keepDerived(fresh, producers, end);
            return true;
        }
    }

    private void rename(List<Segment> run, Segment fresh, long end) throws IOException {
        fresh.moveTo(log.path().resolve(swapName(fresh.baseOffset(), end)));
        dir.disk().forceDirectory(log.path());
        for (Segment old : run.subList(1, run.size())) {
            dir.disk().delete(old.path());
        }
        if (run.size() > 1) {
            dir.disk().forceDirectory(log.path());
        }
        fresh.moveTo(run.get(0).path());
        dir.disk().forceDirectory(log.path());
    }

    private void keepDerived(Segment fresh, Optional<ByteBuffer> producers, long end) {
        try {
            dir.indexes()
                    .putSegment(
                            log.id(),
                            fresh.baseOffset(),
                            fresh.summary(),
                            fresh.index().stored());
            if (producers.isPresent()) {
                ProducerSnapshot.store(dir.indexes(), log.id(), List.of(log.segments()), end, producers.get());
            }
            fresh.dropIndex();
        } catch (IOException e) {
            LOG.warn("{}: its index cannot be stored ({}); it stays in memory.", fresh, LogDir.reason(e));
        }
    }

    /** Completes what was begun for good in a log's directory, and deletes what was not. */
    static void recover(Path directory, Disk disk) throws IOException {
        boolean changed = false;
        for (Path file : disk.list(directory)) {
            String name = file.getFileName().toString();
            if (name.endsWith(CLEANED_SUFFIX)) {
                disk.delete(file);
                changed = true;
            } else if (name.length() == SWAP_NAME_LENGTH && name.endsWith(SWAP_SUFFIX)) {
                complete(file, directory, disk);
                changed = true;
            }
        }
        if (changed) {
            disk.forceDirectory(directory);
        }
    }

    private static void complete(Path swap, Path directory, Disk disk) throws IOException {
        String name = swap.getFileName().toString();
        long base = Long.parseLong(name, 0, DIGITS, 10);
        long end = Long.parseLong(name, DIGITS + 1, DIGITS + 1 + DIGITS, 10);
        for (Path file : disk.list(directory)) {
            long offset = Segment.baseOffsetOf(file);
            if (offset > base && offset < end) {
                disk.delete(file);
            }
        }
        disk.forceDirectory(directory);
        disk.rename(swap, directory.resolve(Segment.fileName(base)));
        LOG.info("{}: completed the compaction of offsets {} to {}.", directory, base, end);
    }
}
