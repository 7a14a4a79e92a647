package io.troupe.journal;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** The content of one file of a {@link CrashDisk}: as it reads now, as it is durable, and what was done in between. */
final class CrashFile implements CrashDisk.Node {
    static final int PAGE = 4096;

    /** Bytes written at a position, or with none a cut at that position. */
    private record Change(long position, byte[] bytes) {}

    private byte[] content = new byte[0];
    private int size;
    private byte[] durable = new byte[0];
    private final List<Change> pending = new ArrayList<>();

    synchronized int size() {
        return size;
    }

    synchronized void write(long position, byte[] bytes) {
        Change change = new Change(position, bytes);
        apply(change);
        pending.add(change);
    }

    synchronized void truncate(long newSize) {
        if (newSize < size) {
            Change change = new Change(newSize, null);
            apply(change);
            pending.add(change);
        }
    }

    /** At most {@code into.length} bytes; -1 at the end. */
    synchronized int read(long position, byte[] into) {
        if (position >= size) {
            return -1;
        }
        int n = (int) Math.min(into.length, size - position);
        System.arraycopy(content, (int) position, into, 0, n);
        return n;
    }

    synchronized void force() {
        durable = Arrays.copyOf(content, size);
        pending.clear();
    }

    synchronized boolean isDurable() {
        return pending.isEmpty();
    }

    /** Changes a byte on the disk itself, as bit rot does. */
    synchronized void spoil(int position) {
        content[position] ^= 0x10;
        force();
    }

    private void apply(Change change) {
        if (change.bytes == null) {
            Arrays.fill(content, (int) change.position, size, (byte) 0);
            size = (int) change.position;
            return;
        }
        int end = (int) change.position + change.bytes.length;
        if (end > content.length) {
            content = Arrays.copyOf(content, Math.max(end, content.length * 2));
        }
        System.arraycopy(change.bytes, 0, content, (int) change.position, change.bytes.length);
        size = Math.max(size, end);
    }

    /** What a power cut may leave: see {@link CrashDisk}. */
    synchronized CrashFile survivor(Random random, CrashDisk.Loss loss) {
        return switch (loss) {
            case EVERYTHING -> whole(durable, durable.length);
            case NOTHING -> whole(content, size);
            case ALL_BUT_A_PREFIX -> prefix(random);
            case ANYTHING -> anything(random);
        };
    }

    private static CrashFile whole(byte[] bytes, int size) {
        CrashFile file = new CrashFile();
        file.content = Arrays.copyOf(bytes, size);
        file.size = size;
        file.durable = file.content.clone();
        return file;
    }

    /** The first changes, the last of them torn at any byte. */
    private CrashFile prefix(Random random) {
        CrashFile file = whole(durable, durable.length);
        int kept = random.nextInt(pending.size() + 1);
        for (int i = 0; i < kept; i++) {
            Change change = pending.get(i);
            boolean torn = i == kept - 1 && change.bytes != null && random.nextBoolean();
            file.apply(
                    torn
                            ? new Change(
                                    change.position,
                                    Arrays.copyOf(change.bytes, random.nextInt(change.bytes.length + 1)))
                            : change);
        }
        return whole(file.content, file.size);
    }

    /** Each page, and the size, as it stood after any number of the changes. */
    private CrashFile anything(Random random) {
        int pages = (content.length + PAGE - 1) / PAGE;
        int[] keptOfPage = new int[pages];
        for (int i = 0; i < pages; i++) {
            keptOfPage[i] = random.nextInt(pending.size() + 1);
        }
        int keptOfSize = random.nextInt(pending.size() + 1);
        byte[] left = new byte[content.length];
        CrashFile replay = whole(durable, durable.length);
        int leftSize = replay.size;
        for (int done = 0; ; done++) {
            for (int i = 0; i < pages; i++) {
                if (keptOfPage[i] == done) {
                    int from = i * PAGE;
                    int to = Math.min(from + PAGE, Math.min(left.length, replay.content.length));
                    if (from < to) {
                        System.arraycopy(replay.content, from, left, from, to - from);
                    }
                }
            }
            leftSize = keptOfSize == done ? replay.size : leftSize;
            if (done == pending.size()) {
                return whole(left, leftSize);
            }
            replay.apply(pending.get(done));
        }
    }
}
