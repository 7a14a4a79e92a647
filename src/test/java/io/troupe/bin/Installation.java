package io.troupe.bin;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A copy of the scripts in a directory of its own, with a Maven and a JDK that are only shell scripts: what the scripts do
 * around them can be tested without a build or a broker.
 */
final class Installation {
    private static final long TIMEOUT_S = 60;

    /** How a command ended, and what it printed on either stream. */
    record Outcome(int code, String output) {}

    final Path root;
    final Path home;
    final Path tools;
    final Path jdk;

    Installation(Path root, String name) throws IOException {
        this.root = root.toRealPath();
        home = Files.createDirectories(this.root.resolve(name));
        tools = Files.createDirectories(this.root.resolve("tools"));
        jdk = this.root.resolve("jdk");
        Files.createDirectories(home.resolve("bin"));
        try (Stream<Path> scripts = Files.list(Path.of("bin"))) {
            for (Path script : (Iterable<Path>) scripts::iterator) {
                Path copy = home.resolve("bin").resolve(script.getFileName());
                if (Files.isSymbolicLink(script)) {
                    Files.createSymbolicLink(copy, Files.readSymbolicLink(script));
                } else {
                    Files.copy(script, copy, StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }
        Files.writeString(home.resolve("pom.xml"), "<project/>");
        Files.writeString(home.resolve("server.properties"), "broker.id=03\n");
        mavenDoes("3.9.9", "mkdir -p target; sleep 0.3; : >target/troupe.jar; : >target/NOTICE");
        jdk("17.0.15", "exit 0");
    }

    /** Marks the build as done. */
    Installation built() throws IOException {
        Files.createDirectories(home.resolve("target"));
        Files.writeString(home.resolve("target/troupe.jar"), "");
        Files.writeString(home.resolve("target/NOTICE"), "");
        return this;
    }

    /** A Maven of this version that counts its builds in {@code builds} and then runs these commands in the project. */
    void mavenDoes(String version, String commands) throws IOException {
        executable(
                tools.resolve("mvn"),
                "case $1 in -v) echo 'Apache Maven " + version + " (x)'; exit 0;; esac\n" + "echo \"$*\" >>'"
                        + root.resolve("builds") + "'\n" + commands);
    }

    /** A JDK of this version whose java runs these commands; asked to train for a class archive it fails. */
    void jdk(String version, String commands) throws IOException {
        Files.createDirectories(jdk.resolve("bin"));
        Files.writeString(jdk.resolve("release"), "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" + version + "\"\n");
        executable(jdk.resolve("bin/java"), "case \"$*\" in *--train*) exit 1;; esac\n" + commands);
        executable(jdk.resolve("bin/javac"), "exit 0");
    }

    /** Shell commands that wait until the test lets them go on by this word; for two minutes, so that none of them stays. */
    String until(String word) {
        return "for ((i = 0; i < 2400; i++)); do [ ! -e '" + root.resolve(word) + "' ] || break; sleep 0.05; done; ";
    }

    void goOn(String word) throws IOException {
        Files.writeString(root.resolve(word), "");
    }

    List<String> builds() throws IOException {
        Path file = root.resolve("builds");
        return Files.exists(file) ? Files.readAllLines(file) : List.of();
    }

    Path script(String name) {
        return home.resolve("bin").resolve(name);
    }

    Process start(Path script, Map<String, String> environment, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(script.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(root.toFile())
                .redirectErrorStream(true)
                .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
        builder.environment().put("JAVA_HOME", jdk.toString());
        builder.environment().put("PATH", tools + ":/usr/bin:/bin");
        builder.environment().remove("LOG_DIR");
        environment.forEach((key, value) -> {
            if (value.isEmpty()) {
                builder.environment().remove(key);
            } else {
                builder.environment().put(key, value);
            }
        });
        return builder.start();
    }

    /** Runs a script to its end; one that hangs is ended and fails the test. */
    Outcome run(Path script, Map<String, String> environment, String... arguments) throws Exception {
        return outcome(start(script, environment, arguments));
    }

    Outcome run(String script, String... arguments) throws Exception {
        return run(script(script), Map.of(), arguments);
    }

    static Outcome outcome(Process process) throws Exception {
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(TIMEOUT_S, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("still running after " + TIMEOUT_S + " s; it printed:\n" + output);
        }
        return new Outcome(process.exitValue(), output);
    }

    private static void executable(Path file, String commands) throws IOException {
        Files.writeString(file, "#!/usr/bin/env bash\n" + commands + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
