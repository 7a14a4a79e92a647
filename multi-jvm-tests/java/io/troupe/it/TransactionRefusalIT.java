package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.RetriableException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A producer with a transactional.id is told at once that there are no transactions, instead of trying until its time-out;
 * in words where its library shows the broker's words.
 */
@Timeout(600)
class TransactionRefusalIT {
    private static final String WORDS = "Transactions are not supported yet; use a producer without transactional.id";
    private static final Duration LIMIT = Duration.ofSeconds(180);

    private static BrokerProcess broker;
    private static Clients clients;

    @BeforeAll
    static void start() {
        Need.troupe();
        broker = BrokerProcess.start("transactions", Map.of());
        clients = new Clients(broker);
    }

    @AfterAll
    static void stop() {
        if (broker != null) {
            broker.close();
        }
    }

    @Test
    void javaThrowsTheBrokersWordsAndTheBrokerLogsWhy() {
        try (var producer = clients.producer("transactional.id", "java", "max.block.ms", "60000")) {
            KafkaException refused = assertThrows(KafkaException.class, producer::initTransactions);
            assertFalse(refused instanceof RetriableException, "" + refused);
            assertTrue(refused.getMessage().contains(WORDS), refused.getMessage());
        }
        Clients.await("the broker's log tells of it", () -> broker.output()
                .contains("Refusing a transactional.id of a client at 127.0.0.1"));
    }

    /** kcat stands for librdkafka and all that is built on it. */
    @Test
    void librdkafkaShowsTheBrokersWords() {
        List<String> kcat = List.of(
                Need.program("kcat").toString(), "-P", "-b", broker.bootstrap(), "-t", "t", "-X", "transactional.id=c");
        Run.Result result = Run.command(kcat, null, LIMIT);
        assertEquals(1, result.exitCode(), result.stderr());
        assertTrue(result.stderr().contains("init_transactions()"), result.stderr());
        assertTrue(result.stderr().contains(WORDS), result.stderr());
    }

    /** kafkajs drops every message but logs the error's name. */
    @Test
    void kafkajsGivesUpWithoutTryingAgain() {
        Path modules = Need.kafkajs("none");
        Path script = KafkaInstall.resource("kafkajs-transaction.js");
        List<String> node =
                List.of(Need.program("node").toString(), script.toString(), modules.toString(), broker.bootstrap());
        Run.Result result = Run.command(node, null, LIMIT);
        assertEquals(3, result.exitCode(), result.stderr());
        assertEquals(2, result.stderr().split("Cluster authorization failed", -1).length, result.stderr());
    }
}
