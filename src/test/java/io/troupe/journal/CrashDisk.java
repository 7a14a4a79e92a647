package io.troupe.journal;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/**
 * A disk in memory whose power can be cut. What was written but not fsynced, and what was created, renamed or deleted in a
 * directory that was not fsynced since, is held apart from what is durable; {@link #survivor} is one of the many disks that
 * the next start may find.
 *
 * <p>How to use it: give it to {@link LogDir#open} with a root that is a real, empty directory (the lock and LevelDB do not
 * go through {@link Disk} and stand there); {@link #cutPowerAfter} some operations; from the cut on every operation throws
 * {@link PowerCut}. Then abandon the log dir and open it again on {@code survivor(random)}. Several survivors may be drawn
 * of one cut. Without a cut, a disk whose process was merely killed is simply used again.
 *
 * <p>What a cut may do, stricter than ext4 or xfs are:
 *
 * <ul>
 *   <li>each page of 4 KiB of each file stands at any of its states since the file's last fsync, whatever the others do; so
 *       writes are lost, torn and reordered;
 *   <li>a file's size stands at any of its values since then; what was never written within it reads as zeroes;
 *   <li>each name created, renamed or deleted since the directory's last fsync is so or is not; a rename is whole. The fsync
 *       of a file does not keep its name.
 * </ul>
 *
 * <p>Safe from any thread; deterministic when used from one.
 */
final class CrashDisk implements Disk {
    /** Every operation from the cut on. */
    static final class PowerCut extends IOException {
        private static final long serialVersionUID = 1;

        PowerCut() {
            super("the power is cut");
        }
    }

    /** A file or a directory, whatever its names are. */
    sealed interface Node permits CrashFile, Directory {}

    /** A change of one directory that is not durable. */
    private record Renamed(String removed, String added, Node node) {}

    private static final class Directory implements Node {
        final Map<String, Node> names = new TreeMap<>();
        final Map<String, Node> durable = new TreeMap<>();
        final List<Renamed> pending = new ArrayList<>();

        void change(String removed, String added, Node node) {
            Renamed change = new Renamed(removed, added, node);
            apply(change, names);
            pending.add(change);
        }

        void force() {
            durable.clear();
            durable.putAll(names);
            pending.clear();
        }

        private static void apply(Renamed change, Map<String, Node> to) {
            if (change.removed != null && to.get(change.removed) == change.node) {
                to.remove(change.removed);
            }
            if (change.added != null) {
                to.put(change.added, change.node);
            }
        }
    }

    private final Path rootPath;
    private final Directory root;
    private final boolean liesOfSegments;
    private long operations;
    private long cutAt = Long.MAX_VALUE;
    private long fsyncs;

    private CrashDisk(Path rootPath, Directory root, boolean liesOfSegments) {
        this.rootPath = rootPath;
        this.root = root;
        this.liesOfSegments = liesOfSegments;
    }

    /** An empty disk; {@code root} is a real directory. */
    static CrashDisk empty(Path root) {
        return new CrashDisk(root, new Directory(), false);
    }

    /** One that answers every fsync of a segment at once and does nothing. */
    static CrashDisk lying(Path root) {
        return new CrashDisk(root, new Directory(), true);
    }

    /** Cuts the power in the middle of the operation that comes after {@code operations} more. */
    synchronized void cutPowerAfter(long operations) {
        cutAt = this.operations + operations;
    }

    /** Everything that changes or fsyncs something, so far. */
    synchronized long operations() {
        return operations;
    }

    /** Of files and directories, so far. */
    synchronized long fsyncs() {
        return fsyncs;
    }

    synchronized boolean isCut() {
        return operations > cutAt;
    }

    Path root() {
        return rootPath;
    }

    /** Counts an operation; true when the power goes in the middle of it. */
    synchronized boolean step() throws PowerCut {
        check();
        operations++;
        return operations > cutAt;
    }

    synchronized void check() throws PowerCut {
        if (isCut()) {
            throw new PowerCut();
        }
    }

    /** Whether a file would be found as it is, under its name, whatever happened now. */
    synchronized boolean isDurable(Path path) {
        return find(path.getParent()) instanceof Directory dir
                && find(path) instanceof CrashFile file
                && dir.durable.get(path.getFileName().toString()) == file
                && dir.pending.stream().noneMatch(change -> change.node == file)
                && file.isDurable();
    }

    // ---- what the next start finds ----

    /** A disk of its own with what a power cut at this moment leaves; all of it is durable. */
    synchronized CrashDisk survivor(Random random) {
        return survivor(random, Loss.drawn(random));
    }

    synchronized CrashDisk survivor(Random random, Loss loss) {
        return new CrashDisk(rootPath, survivor(root, random, loss), liesOfSegments);
    }

    /** Bit rot: one byte of a file changes. */
    synchronized void spoil(Path path, int position) {
        ((CrashFile) find(path)).spoil(position);
    }

    /** How much gets lost; drawn once per cut, so that the extremes are tried as well as what lies between. */
    enum Loss {
        EVERYTHING,
        NOTHING,
        ALL_BUT_A_PREFIX,
        ANYTHING;

        static Loss drawn(Random random) {
            return values()[Math.min(random.nextInt(6), ANYTHING.ordinal())];
        }

        boolean keeps(Random random) {
            return this == NOTHING || (this == ANYTHING && random.nextBoolean());
        }
    }

    private static Directory survivor(Directory of, Random random, Loss loss) {
        Map<String, Node> names = new TreeMap<>(of.durable);
        int prefix = loss == Loss.ALL_BUT_A_PREFIX ? random.nextInt(of.pending.size() + 1) : 0;
        for (int i = 0; i < of.pending.size(); i++) {
            if (i < prefix || loss.keeps(random)) {
                Directory.apply(of.pending.get(i), names);
            }
        }
        Directory left = new Directory();
        names.forEach((name, node) -> left.names.put(
                name,
                node instanceof CrashFile file
                        ? file.survivor(random, loss)
                        : survivor((Directory) node, random, loss)));
        left.durable.putAll(left.names);
        return left;
    }

    // ---- Disk ----

    @Override
    public synchronized FileChannel open(Path path, OpenOption... options) throws IOException {
        check();
        Set<OpenOption> asked = Set.of(options);
        Directory dir = directory(path.getParent());
        Node node = dir.names.get(path.getFileName().toString());
        if (node instanceof Directory) {
            throw new IOException(path + " is a directory");
        }
        CrashFile file = (CrashFile) node;
        if (file != null && asked.contains(StandardOpenOption.CREATE_NEW)) {
            throw new FileAlreadyExistsException(path.toString());
        }
        if (file == null) {
            if (!asked.contains(StandardOpenOption.CREATE_NEW) && !asked.contains(StandardOpenOption.CREATE)) {
                throw new NoSuchFileException(path.toString());
            }
            file = new CrashFile();
            change(dir, null, path.getFileName().toString(), file);
        } else if (asked.contains(StandardOpenOption.TRUNCATE_EXISTING)) {
            step();
            file.truncate(0);
        }
        return new CrashChannel(this, file, liesOfSegments && Segment.baseOffsetOf(path) >= 0);
    }

    private void change(Directory dir, String removed, String added, Node node) throws IOException {
        boolean cut = step();
        dir.change(removed, added, node);
        if (cut) {
            throw new PowerCut();
        }
    }

    @Override
    public synchronized boolean exists(Path path) {
        return find(path) != null;
    }

    @Override
    public synchronized boolean isDirectory(Path path) {
        return find(path) instanceof Directory;
    }

    /** Files here have no times. */
    @Override
    public synchronized long lastModifiedMs(Path path) throws IOException {
        size(path);
        return 0;
    }

    @Override
    public synchronized long size(Path path) throws IOException {
        check();
        if (find(path) instanceof CrashFile file) {
            return file.size();
        }
        throw new NoSuchFileException(path.toString());
    }

    @Override
    public synchronized List<Path> list(Path dir) throws IOException {
        check();
        return directory(dir).names.keySet().stream().map(dir::resolve).toList();
    }

    @Override
    public synchronized void createDirectories(Path path) throws IOException {
        check();
        if (path.equals(rootPath)) {
            Files.createDirectories(path);
            return;
        }
        createDirectories(path.getParent());
        Directory parent = directory(path.getParent());
        if (!(parent.names.get(path.getFileName().toString()) instanceof Directory)) {
            change(parent, null, path.getFileName().toString(), new Directory());
        }
    }

    @Override
    public synchronized void rename(Path from, Path to) throws IOException {
        check();
        Directory dir = directory(from.getParent());
        Node node = dir.names.get(from.getFileName().toString());
        if (node == null) {
            throw new NoSuchFileException(from.toString());
        }
        if (!from.getParent().equals(to.getParent())) {
            throw new UnsupportedOperationException("the journal renames within a directory");
        }
        if (find(to) instanceof Directory there && !there.names.isEmpty()) {
            throw new DirectoryNotEmptyException(to.toString());
        }
        change(dir, from.getFileName().toString(), to.getFileName().toString(), node);
    }

    @Override
    public synchronized boolean delete(Path path) throws IOException {
        check();
        Directory dir = directory(path.getParent());
        Node node = dir.names.get(path.getFileName().toString());
        if (node == null) {
            return false;
        }
        if (node instanceof Directory full && !full.names.isEmpty()) {
            throw new DirectoryNotEmptyException(path.toString());
        }
        change(dir, path.getFileName().toString(), null, node);
        return true;
    }

    @Override
    public synchronized void deleteTree(Path path) throws IOException {
        check();
        if (find(path) instanceof Directory directory) {
            for (Map.Entry<String, Node> entry : List.copyOf(directory.names.entrySet())) {
                if (entry.getValue() instanceof Directory) {
                    deleteTree(path.resolve(entry.getKey()));
                } else {
                    delete(path.resolve(entry.getKey()));
                }
            }
            delete(path);
        }
    }

    @Override
    public synchronized void forceDirectory(Path dir) throws IOException {
        Directory directory = directory(dir);
        if (step()) {
            throw new PowerCut();
        }
        fsyncs++;
        directory.force();
    }

    synchronized void force(CrashFile file, boolean lies) throws IOException {
        if (step()) {
            throw new PowerCut();
        }
        fsyncs++;
        if (!lies) {
            file.force();
        }
    }

    private Directory directory(Path path) throws NoSuchFileException {
        if (find(path) instanceof Directory directory) {
            return directory;
        }
        throw new NoSuchFileException(path.toString());
    }

    private Node find(Path path) {
        if (path.equals(rootPath)) {
            return root;
        }
        if (!path.startsWith(rootPath)) {
            return null;
        }
        Node node = root;
        for (Path name : rootPath.relativize(path)) {
            node = node instanceof Directory dir ? dir.names.get(name.toString()) : null;
        }
        return node;
    }
}
