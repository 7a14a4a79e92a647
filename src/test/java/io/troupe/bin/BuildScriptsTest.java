package io.troupe.bin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.bin.Installation.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How scripts build what is not built yet, and name what keeps them from it. */
@DisabledOnOs(OS.WINDOWS)
class BuildScriptsTest extends OnInstallation {
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void threeStartsAtOnceBuildOnce(boolean flock) throws Exception {
        installation.jdk("17.0.15", "echo started");
        installation.mavenDoes(
                "3.9.9", "mkdir -p target; " + installation.until("built") + ": >target/troupe.jar; : >target/NOTICE");
        Path without = pathOfOnly(
                "bash", "env", "dirname", "readlink", "sed", "head", "mkdir", "cat", "sleep", "mv", "rm", "wc");
        String path = installation.tools + ":" + (flock ? System.getenv("PATH") : without.toString());
        List<Process> starts = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            starts.add(installation.start(
                    installation.script("troupe-server-start.sh"), Map.of("PATH", path), properties()));
        }
        // However slowly they start, the build is not over before the last has found it under way.
        List<String> told = new ArrayList<>();
        for (Process start : starts) {
            told.add(readTo(start, "there is no build yet", "another start is building Troupe; waiting"));
        }
        assertEquals(
                1,
                told.stream().filter(output -> output.contains("no build yet")).count(),
                told::toString);
        installation.goOn("built");
        for (Process start : starts) {
            Outcome outcome = Installation.outcome(start);
            assertEquals(0, outcome.code(), outcome.output());
            assertTrue(outcome.output().contains("started"), outcome.output());
        }
        assertEquals(List.of("-B -Dmaven.test.skip=true package"), installation.builds());
    }

    @Test
    void aHalfDoneBuildIsNoBuild() throws Exception {
        Files.createDirectories(installation.home.resolve("target/lib"));
        Files.writeString(installation.home.resolve("target/troupe.jar"), "");
        installation.run("troupe-server-start.sh", properties());
        assertEquals(1, installation.builds().size());
        installation.run("troupe-server-start.sh", properties());
        assertEquals(1, installation.builds().size());
    }

    @Test
    void aFailingBuildIsNamed() throws Exception {
        installation.mavenDoes("3.9.9", "echo 'cannot compile'; exit 1");
        Outcome outcome = installation.run("troupe-topics.sh", "--list");
        assertEquals(1, outcome.code());
        assertTrue(outcome.output().contains("cannot compile"), outcome.output());
        assertTrue(outcome.output().contains("the build failed"), outcome.output());
    }

    @Test
    void anOldOrMissingMavenIsNamed() throws Exception {
        installation.mavenDoes("3.6.3", "exit 0");
        Outcome old = installation.run("troupe-server-start.sh", properties());
        assertEquals(1, old.code());
        assertTrue(old.output().contains("is Maven 3.6.3; Troupe needs 3.8 or newer"), old.output());
        assertTrue(old.output().contains("Install Maven"), old.output());

        Path without = pathOfOnly("bash", "env", "dirname", "readlink", "sed", "head", "mkdir");
        Outcome missing = installation.run(
                installation.script("troupe-server-start.sh"), Map.of("PATH", without.toString()), properties());
        assertEquals(1, missing.code());
        assertTrue(missing.output().contains("no mvn on the PATH"), missing.output());

        Outcome noJava = installation.run(
                installation.script("troupe-server-start.sh"),
                Map.of("PATH", without.toString(), "JAVA_HOME", ""),
                properties());
        assertEquals(1, noJava.code());
        assertTrue(noJava.output().contains("no java on the PATH and JAVA_HOME is not set"), noJava.output());
        assertTrue(noJava.output().contains("Install JDK 17"), noJava.output());
    }

    @Test
    void aWrongJdkIsNamed() throws Exception {
        Outcome nonsense = installation.run(
                installation.script("troupe-topics.sh"), Map.of("JAVA_HOME", "/nowhere/jdk"), "--list");
        assertEquals(1, nonsense.code());
        assertTrue(
                nonsense.output().contains("JAVA_HOME is /nowhere/jdk, but there is no bin/java"), nonsense.output());

        for (String version : List.of("11.0.2", "1.8.0_392")) {
            installation.jdk(version, "exit 0");
            Outcome old = installation.run("troupe-topics.sh", "--list");
            assertEquals(1, old.code());
            assertTrue(old.output().contains("is Java " + version + "; Troupe needs 17 or newer"), old.output());
        }

        installation.jdk("21.0.1", "exit 0");
        Files.delete(installation.jdk.resolve("bin/javac"));
        Outcome runtimeOnly = installation.run("troupe-topics.sh", "--list");
        assertEquals(1, runtimeOnly.code());
        assertTrue(runtimeOnly.output().contains("no javac beside it"), runtimeOnly.output());
    }

    @Test
    void newerSourcesThanTheBuildAreTold() throws Exception {
        Path source = Files.createDirectories(installation.home.resolve("src/main/java/x"))
                .resolve("Y.java");
        Files.writeString(source, "");
        installation.built();
        Path jar = installation.home.resolve("target/troupe.jar");
        FileTime sources = Files.getLastModifiedTime(source);
        Files.setLastModifiedTime(jar, FileTime.fromMillis(sources.toMillis() + 5_000));
        Outcome current = installation.run("troupe-server-start.sh", properties());
        assertFalse(current.output().contains("older"), current.output());

        Files.setLastModifiedTime(jar, FileTime.fromMillis(sources.toMillis() - 5_000));
        Files.setLastModifiedTime(
                installation.home.resolve("pom.xml"), FileTime.fromMillis(sources.toMillis() - 9_000));
        Outcome older = installation.run("troupe-server-start.sh", properties());
        assertEquals(0, older.code(), older.output());
        assertTrue(older.output().contains("the build is older than src/main/java/x/Y.java"), older.output());
        assertEquals(List.of(), installation.builds());

        Files.delete(source);
        Files.delete(source.getParent());
        Outcome copy = installation.run("troupe-server-start.sh", properties());
        assertFalse(copy.output().contains("older"), copy.output());
    }

    /** A directory with just these commands; stand-ins, because links out of a temporary directory are warned of. */
    private Path pathOfOnly(String... commands) throws Exception {
        Path directory = Files.createDirectories(temp.resolve("without"));
        for (String command : commands) {
            Path found = Path.of("/usr/bin", command);
            Path standIn = directory.resolve(command);
            Files.writeString(
                    standIn, "#!/bin/sh\nexec " + (Files.exists(found) ? found : "/bin/" + command) + " \"$@\"\n");
            Files.setPosixFilePermissions(standIn, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return directory;
    }
}
