package io.troupe.it;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Compares what brokers have on disk of one partition, byte for byte and wherever segments begin. Replicas may differ while something is
 * written and beyond the high watermark; once nothing is under way and all are in sync they may not.
 */
final class ReplicaFiles {
    private ReplicaFiles() {}

    /**
     * How each copy of a partition differs from the first one; nothing when all are the same.
     *
     * @param logDirs one of each broker that has a copy
     */
    static List<String> differences(List<Path> logDirs, String topic, int partition) throws IOException {
        List<String> differences = new ArrayList<>();
        String name = topic + "-" + partition;
        byte[] first = content(logDirs.get(0).resolve(name));
        for (Path logDir : logDirs.subList(1, logDirs.size())) {
            byte[] other = content(logDir.resolve(name));
            int at = Arrays.mismatch(first, other);
            if (at >= 0) {
                differences.add(name + " has " + first.length + " bytes in " + logDirs.get(0) + " and " + other.length
                        + " in " + logDir + ", the first difference is at byte " + at);
            }
        }
        return differences;
    }

    private static byte[] content(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return new byte[0];
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".log")).sorted().toList()) {
                bytes.write(Files.readAllBytes(file));
            }
        }
        return bytes.toByteArray();
    }
}
