package io.troupe.journal;

import io.troupe.fixture.UnusedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** A real disk whose writes and fsyncs fail when the test says so. A failed fsync is told once, as Linux does. */
final class FaultyDisk implements Disk {
    /** Files whose next fsync fails, and then no more. */
    volatile Predicate<Path> failNextFsync = path -> false;
    /** Bytes that can still be written to files that {@link #full} names; the write that passes it stops there. */
    volatile long room = Long.MAX_VALUE;

    volatile Predicate<Path> full = path -> false;
    /** Called after a file was opened, by whoever did. */
    volatile Consumer<Path> opened = path -> {};
    /** Called before a file is fsynced, by whoever does. */
    volatile Consumer<Path> beforeFsync = path -> {};
    /** Called before a directory is fsynced. */
    volatile Runnable beforeDirectory = () -> {};

    /** Files in the order they were fsynced, failed ones too. */
    final List<Path> fsyncs = Collections.synchronizedList(new ArrayList<>());

    private final Set<Faulty> open = ConcurrentHashMap.newKeySet();
    private final Map<Path, LongAdder> read = new ConcurrentHashMap<>();

    /** How many bytes of a file were read so far. */
    long bytesRead(Path file) {
        LongAdder bytes = read.get(file);
        return bytes == null ? 0 : bytes.sum();
    }

    /** Files that are open now, one for each channel. */
    List<Path> openFiles(Predicate<Path> of) {
        return open.stream().map(file -> file.path).filter(of).toList();
    }

    @Override
    public FileChannel open(Path file, OpenOption... options) throws IOException {
        Faulty channel = new Faulty(file, FileChannel.open(file, options));
        open.add(channel);
        opened.accept(file);
        return channel;
    }

    @Override
    public void forceDirectory(Path dir) throws IOException {
        beforeDirectory.run();
        Disk.super.forceDirectory(dir);
    }

    static Predicate<Path> segments() {
        return path -> path.toString().endsWith(Segment.SUFFIX)
                && !path.getFileName().toString().equals(MetaLog.FILE);
    }

    static Predicate<Path> metaLog() {
        return path -> path.getFileName().toString().equals(MetaLog.FILE);
    }

    private final class Faulty extends UnusedFile {
        private final Path path;
        private final FileChannel real;

        Faulty(Path path, FileChannel real) {
            this.path = path;
            this.real = real;
        }

        @Override
        public int write(ByteBuffer src, long position) throws IOException {
            if (!full.test(path)) {
                return real.write(src, position);
            }
            if (room <= 0) {
                throw new IOException("No space left on device");
            }
            ByteBuffer part = src.duplicate();
            part.limit(part.position() + (int) Math.min(room, part.remaining()));
            int written = real.write(part, position);
            src.position(src.position() + written);
            room -= written;
            return written;
        }

        @Override
        public void force(boolean metaData) throws IOException {
            beforeFsync.accept(path);
            fsyncs.add(path);
            if (failNextFsync.test(path)) {
                failNextFsync = other -> false;
                throw new IOException("Input/output error");
            }
            real.force(metaData);
        }

        @Override
        public int read(ByteBuffer dst) throws IOException {
            return real.read(dst);
        }

        @Override
        public int read(ByteBuffer dst, long position) throws IOException {
            int n = real.read(dst, position);
            read.computeIfAbsent(path, file -> new LongAdder()).add(Math.max(0, n));
            return n;
        }

        @Override
        public long size() throws IOException {
            return real.size();
        }

        @Override
        public FileChannel truncate(long size) throws IOException {
            real.truncate(size);
            return this;
        }

        @Override
        protected void implCloseChannel() throws IOException {
            open.remove(this);
            real.close();
        }
    }
}
