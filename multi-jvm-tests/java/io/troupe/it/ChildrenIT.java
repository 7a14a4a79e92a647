package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(600)
class ChildrenIT {

    /** Starts two children, ends one of them, prints the other's pid and its child's, and stays. */
    static final class Starter {
        public static void main(String[] args) throws Exception {
            Process gone = Children.start(new ProcessBuilder("true"));
            gone.waitFor();
            Children.ended(gone);
            Process child = Children.start(new ProcessBuilder("sh", "-c", "sleep 300 & echo $!; wait"));
            System.out.println(child.pid() + " " + child.inputReader().readLine());
            Thread.sleep(300_000);
        }
    }

    @Test
    void noneOutlivesATestJvmThatIsKilled() throws Exception {
        Path classes = Path.of(Children.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        Process jvm = Children.start(new ProcessBuilder(
                        KafkaInstall.javaProgram(), "-Xmx64m", "-cp", classes.toString(), Starter.class.getName())
                .redirectError(ProcessBuilder.Redirect.INHERIT));
        try (BufferedReader out = jvm.inputReader()) {
            String[] pids = out.readLine().split(" ");
            for (String pid : pids) {
                assertTrue(alive(pid), "process " + pid + " runs");
            }
            jvm.destroyForcibly();
            for (String pid : pids) {
                ProcessHandle.of(Long.parseLong(pid)).ifPresent(handle -> handle.onExit()
                        .completeOnTimeout(null, 60, TimeUnit.SECONDS)
                        .join());
                assertFalse(alive(pid), "process " + pid + " is gone");
            }
        } finally {
            jvm.destroyForcibly().waitFor();
            Children.ended(jvm);
        }
    }

    private static boolean alive(String pid) {
        return ProcessHandle.of(Long.parseLong(pid)).map(ProcessHandle::isAlive).orElse(false);
    }
}
