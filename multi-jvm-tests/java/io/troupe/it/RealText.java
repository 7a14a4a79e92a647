package io.troupe.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Text that nobody wrote for this test: Debian's package index ({@code apt-cache dumpavail}) where there is one, else the licences that
 * come with the system or the JDK; repeated when it is short. Each byte is one character (ISO 8859-1).
 */
final class RealText {

    private RealText() {}

    /** @return exactly that many lines, none with a line break in it */
    static List<String> lines(int count) {
        List<String> base = Need.onPath("apt-cache").isPresent() ? packageIndex(count) : List.of();
        for (Path dir :
                List.of(Path.of("/usr/share/common-licenses"), Path.of(System.getProperty("java.home"), "legal"))) {
            base = base.isEmpty() ? files(dir) : base;
        }
        if (base.isEmpty()) {
            throw new IllegalStateException("no text found on this machine");
        }
        List<String> lines = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            lines.add(base.get(i % base.size()));
        }
        return lines;
    }

    private static List<String> packageIndex(int count) {
        try {
            Process process = new ProcessBuilder("apt-cache", "dumpavail")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (BufferedReader in = process.inputReader(StandardCharsets.ISO_8859_1)) {
                return in.lines().limit(count).toList();
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            return List.of();
        }
    }

    private static List<String> files(Path dir) {
        if (!Files.isDirectory(dir)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.walk(dir)) {
            List<String> lines = new ArrayList<>();
            for (Path path : paths.filter(Files::isRegularFile).sorted().toList()) {
                for (String line :
                        Files.readString(path, StandardCharsets.ISO_8859_1).split("\n")) {
                    lines.add(line.replace("\r", ""));
                }
            }
            return lines;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
