package io.troupe.journal;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The files that recovery finds in a log's directory: which ones are the log's, and what becomes of the others. */
final class LogFiles {
    private static final Logger LOG = LoggerFactory.getLogger(LogFiles.class);
    private static final String CUT_SUFFIX = ".cut";

    private final LogId id;
    private final Path path;
    private final Disk disk;
    private final IndexStore indexes;

    LogFiles(LogId id, Path path, Disk disk, IndexStore indexes) {
        this.id = id;
        this.path = path;
        this.disk = disk;
        this.indexes = indexes;
    }

    /** What the last process had put aside to be deleted later. */
    void finishDeletions() throws IOException {
        for (Path file : disk.list(path)) {
            if (file.toString().endsWith(Segment.SUFFIX + Segment.DELETED_SUFFIX)) {
                disk.delete(file);
            }
        }
    }

    /** All segments, ascending. */
    List<Path> segments() throws IOException {
        return disk.list(path).stream()
                .filter(f -> Segment.baseOffsetOf(f) >= 0)
                .sorted(Comparator.comparingLong(Segment::baseOffsetOf))
                .toList();
    }

    /** The segments, ascending, that reach above the log start. Takes away what retention had: of several deletions a power loss may undo any. */
    List<Path> above(long logStartOffset) throws IOException {
        List<Path> files = segments();
        int first = 0;
        while (first + 1 < files.size() && Segment.baseOffsetOf(files.get(first + 1)) <= logStartOffset) {
            disk.delete(files.get(first));
            indexes.dropSegment(id, Segment.baseOffsetOf(files.get(first)));
            first++;
        }
        return files.subList(first, files.size());
    }

    /** Segments behind a cut are no longer part of the log, but are not destroyed either. */
    void putAside(List<Path> files) throws IOException {
        if (files.isEmpty()) {
            return;
        }
        for (Path file : files) {
            Path aside = file.resolveSibling(file.getFileName() + CUT_SUFFIX);
            LOG.warn("{}: lies behind the cut and is put aside as {}.", file, aside.getFileName());
            disk.rename(file, aside);
        }
        disk.forceDirectory(path);
    }

    /** What is cut of durable records is kept too. */
    void copyAside(Path file) throws IOException {
        Path aside = file.resolveSibling(file.getFileName() + CUT_SUFFIX);
        LOG.error(
                "{}: durable records are cut, for their batches cannot be told apart; the file as it is is kept as {}.",
                file,
                aside.getFileName());
        try (FileChannel from = disk.open(file, StandardOpenOption.READ);
                FileChannel to = disk.open(
                        aside,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            ByteBuffer piece = ByteBuffer.allocate(BatchCursor.SCAN_WINDOW);
            for (long at = 0; at < from.size(); at += piece.limit()) {
                piece.clear();
                BatchCursor.readFully(from, piece, at);
                piece.flip();
                for (long written = at; piece.hasRemaining(); ) {
                    written += to.write(piece, written);
                }
            }
            disk.force(to, true);
        }
        disk.forceDirectory(path);
    }
}
