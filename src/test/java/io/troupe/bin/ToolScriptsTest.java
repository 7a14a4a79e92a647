package io.troupe.bin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.troupe.bin.Installation.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How the scripts of tools find their classes, and what they make of arguments of older days. */
@DisabledOnOs(OS.WINDOWS)
class ToolScriptsTest extends OnInstallation {
    @Test
    void scriptsWorkThroughLinksFromAnywhere() throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Path links = Files.createDirectories(temp.resolve("some links"));
        Path linkedDirectory = Files.createSymbolicLink(temp.resolve("to it"), installation.home);
        Path absolute =
                Files.createSymbolicLink(links.resolve("topics"), linkedDirectory.resolve("bin/kafka-topics.sh"));
        Path relative = Files.createSymbolicLink(links.resolve("again"), Path.of("topics"));
        for (Path script : List.of(absolute, relative, linkedDirectory.resolve("bin/kafka-topics.sh"))) {
            Outcome outcome = installation.run(script, Map.of(), "--list");
            assertEquals(0, outcome.code(), outcome.output());
            assertTrue(outcome.output().contains(installation.home + "/target/tools-lib/*"), outcome.output());
            assertTrue(outcome.output().endsWith("org.apache.kafka.tools.TopicCommand\n--list\n"), outcome.output());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "console-producer, --broker-list h:1 --topic t, --bootstrap-server h:1 --topic t",
        "console-producer, --broker-list=h:1, --bootstrap-server=h:1",
        "console-consumer, --new-consumer --whitelist a|b --topic t, --include a|b --topic t",
        "console-consumer, --formatter kafka.tools.DefaultMessageFormatter,"
                + " --formatter org.apache.kafka.tools.consumer.DefaultMessageFormatter",
        "consumer-groups, --new-consumer --list, --list",
        "topics, --create --force --topic t, --create --topic t",
        "configs, --broker-list h:1 --describe, --bootstrap-server h:1 --describe",
        "producer-perf-test, --topic t --producer-props acks=1 linger.ms=0, --topic t --producer-props acks=1 linger.ms=0"
    })
    void retiredOptionsKeepWorking(String tool, String written, String understood) throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Outcome outcome = installation.run("troupe-" + tool + ".sh", written.split(" "));
        assertEquals(0, outcome.code(), outcome.output());
        assertTrue(outcome.output().endsWith("\n" + understood.replace(' ', '\n') + "\n"), outcome.output());
    }

    @ParameterizedTest
    @CsvSource({
        "--describe --group g, org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        "--describe --group g --events, io.troupe.tools.GroupCommand",
        "--describe --lag-seconds --group g, io.troupe.tools.GroupCommand"
    })
    void whatKafkasGroupToolDoesNotTellIsTroupes(String written, String mainClass) throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Outcome outcome = installation.run("troupe-consumer-groups.sh", written.split(" "));
        assertEquals(0, outcome.code(), outcome.output());
        assertTrue(
                outcome.output().endsWith("\n" + mainClass + "\n" + written.replace(' ', '\n') + "\n"),
                outcome.output());
    }

    @Test
    void retiredClassesBecomeTheToolsOfToday() throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Outcome outcome = installation.run("kafka-run-class.sh", "kafka.tools.GetOffsetShell", "--broker-list", "h:1");
        assertEquals(0, outcome.code(), outcome.output());
        String understood = "org.apache.kafka.tools.GetOffsetShell\n--bootstrap-server\nh:1\n";
        assertTrue(outcome.output().endsWith(understood), outcome.output());
    }

    @ParameterizedTest
    @CsvSource({
        "--create --zookeeper zk:2181/chroot --topic t, --create --bootstrap-server zk:9092 --topic t",
        "--list --zookeeper=zk1:2181;zk2:2181, --list --bootstrap-server zk1:9092",
        "--list --zookeeper zk:2181 --bootstrap-server b:1, --list --bootstrap-server b:1",
        "--zookeeper, --bootstrap-server localhost:9092"
    })
    void zookeeperIsAnsweredWithWhatToWrite(String written, String instead) throws Exception {
        Outcome outcome =
                installation.run("kafka-topics.sh", written.replace(';', ',').split(" "));
        assertEquals(1, outcome.code());
        assertTrue(outcome.output().contains("Troupe has no ZooKeeper; use --bootstrap-server"), outcome.output());
        assertTrue(outcome.output().endsWith("kafka-topics.sh " + instead + "\n"), outcome.output());
    }

    @Test
    void zookeepersOwnScriptsSucceedAndSayWhy() throws Exception {
        for (String script : List.of("zookeeper-server-start.sh", "zookeeper-server-stop.sh")) {
            Outcome outcome = installation.run(script, "-daemon", "config/zookeeper.properties");
            assertEquals(0, outcome.code());
            assertTrue(outcome.output().contains("Troupe has no ZooKeeper"), outcome.output());
        }
        assertEquals(List.of(), installation.builds());
    }

    @ParameterizedTest
    @CsvSource({"troupe-server-start.sh, TROUPE_HEAP_OPTS", "troupe-server-stop.sh, TROUPE_STOP_TIMEOUT_S"})
    void helpNamesTheVariablesAndIsNoError(String script, String variable) throws Exception {
        for (String option : List.of("--help", "-h")) {
            Outcome help = installation.run(script, option);
            assertEquals(0, help.code(), help.output());
            assertTrue(help.output().startsWith("usage: " + script + " "), help.output());
            assertTrue(help.output().contains(variable), help.output());
        }
        Outcome wrong = installation.run(script, "--nonsense");
        assertEquals(1, wrong.code());
        assertTrue(wrong.output().contains("--nonsense\nusage: " + script + " "), wrong.output());
        assertEquals(List.of(), installation.builds());
    }

    @ParameterizedTest
    @CsvSource({"17.0.15, false", "21.0.4, false", "24, true", "25.0.3, true"})
    void theJvmIsAllowedWhatItWouldWarnOf(String version, boolean unsafe) throws Exception {
        installation.built().jdk(version, ECHO);
        Outcome outcome = installation.run("troupe-server-start.sh", properties());
        assertTrue(outcome.output().contains("\n--enable-native-access=ALL-UNNAMED\n"), outcome.output());
        assertEquals(unsafe, outcome.output().contains("\n--sun-misc-unsafe-memory-access=allow\n"), outcome.output());
    }

    @ParameterizedTest
    @CsvSource({
        "status, io.troupe.tools.ClusterCommand",
        "statsu, io.troupe.tools.ClusterCommand",
        "--bootstrap-server, io.troupe.tools.ClusterCommand",
        "cluster-id, org.apache.kafka.tools.ClusterTool",
        "unregister, org.apache.kafka.tools.ClusterTool",
        "list-endpoints, org.apache.kafka.tools.ClusterTool"
    })
    void onlyKafkasOwnActionsOfAClusterGoToItsTool(String word, String tool) throws Exception {
        installation.built().jdk("17.0.15", ECHO);
        Outcome outcome = installation.run("troupe-cluster.sh", word);
        assertTrue(outcome.output().endsWith("\n" + tool + "\n" + word + "\n"), outcome.output());
    }
}
