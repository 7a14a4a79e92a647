package io.troupe.journal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** A compacted log of small segments on a real directory. */
abstract class OnCompactedLog {
    static final int SEGMENT_BYTES = 200;

    @TempDir
    Path temp;

    CompactedLog log;

    @AfterEach
    void close() {
        log.close();
    }

    void open() throws Exception {
        log = new CompactedLog(temp, CompactedLog.config(SEGMENT_BYTES)).open();
    }

    /** Pushes what stands there out of the active segment. */
    void roll() throws Exception {
        log.write("filler=" + "x".repeat(SEGMENT_BYTES));
        log.settle();
    }

    Path directory() {
        return temp.resolve("orders-0");
    }

    long files(String suffix) throws IOException {
        try (Stream<Path> files = Files.list(directory())) {
            return files.filter(f -> f.toString().endsWith(suffix)).count();
        }
    }
}
