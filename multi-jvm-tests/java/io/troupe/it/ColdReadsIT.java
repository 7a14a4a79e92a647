package io.troupe.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.FetchRequestData;
import org.apache.kafka.common.message.FetchRequestData.FetchPartition;
import org.apache.kafka.common.message.FetchRequestData.FetchTopic;
import org.apache.kafka.common.message.HeartbeatRequestData;
import org.apache.kafka.common.message.HeartbeatResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.Errors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Reads that the disk does not answer. */
@Timeout(600)
class ColdReadsIT {
    private static final int VERSION = 12;
    private static final int READ_THREADS = 2;

    private static byte[] fetch(String topic, long offset, int maxBytes) {
        return RawConnection.request(
                ApiKeys.FETCH,
                VERSION,
                1,
                new FetchRequestData()
                        .setMaxWaitMs(30_000)
                        .setMinBytes(1)
                        .setMaxBytes(maxBytes)
                        .setSessionEpoch(-1)
                        .setTopics(List.of(new FetchTopic()
                                .setTopic(topic)
                                .setPartitions(List.of(new FetchPartition()
                                        .setPartition(0)
                                        .setFetchOffset(offset)
                                        .setPartitionMaxBytes(maxBytes))))));
    }

    /**
     * A named pipe in the place of the first segment: who opens it to read waits until somebody writes. There are more such
     * readers than threads that read.
     */
    @Test
    void aDiskThatDoesNotAnswerReadersOfOldSegmentsHoldsUpNobodyElse() throws Exception {
        Need.troupe();
        Map<String, String> settings =
                Map.of("num.io.threads", "" + READ_THREADS, "num.network.threads", "1", "log.segment.bytes", "1048576");
        try (BrokerProcess broker = BrokerProcess.start("cold", settings)) {
            Clients clients = new Clients(broker);
            String topic = clients.topic("cold", 1, Map.of());
            TopicPartition partition = new TopicPartition(topic, 0);
            int records = 200;
            List<RawConnection> stuck = new ArrayList<>();
            try (var producer = clients.producer("batch.size", "0");
                    var member = clients.consumer("group.id", "g", "session.timeout.ms", "30000")) {
                for (int i = 0; i < records; i++) {
                    producer.send(new ProducerRecord<>(topic, "x".repeat(100_000)));
                }
                producer.flush();
                member.subscribe(List.of(topic));
                Clients.read(member, records);
                member.commitSync();

                Path first = broker.data().resolve(topic + "-0").resolve("00000000000000000000.log");
                Clients.await("nobody reads the first segment", () -> broker.descriptors(first) == 0);
                Files.delete(first);
                Run.command(List.of("mkfifo", first.toString()), null, Duration.ofSeconds(60))
                        .orFail();
                for (int i = 0; i < 3 * READ_THREADS; i++) {
                    RawConnection connection = new RawConnection(broker);
                    stuck.add(connection);
                    connection.send(fetch(topic, 0, 1000));
                }
                assertThrows(SocketTimeoutException.class, () -> stuck.get(0).receive(500), "the pipe holds nobody up");

                // The same partition's appends, its consumers at the end, the group's heartbeats and commits.
                for (int i = 0; i < 20; i++) {
                    long offset = producer.send(new ProducerRecord<>(topic, "new " + i))
                            .get(60, TimeUnit.SECONDS)
                            .offset();
                    assertEquals(records + i, offset);
                    assertEquals("new " + i, Clients.read(member, 1).get(0).value());
                    member.commitSync(Duration.ofSeconds(60));
                    heartbeat(broker);
                }
                // And who was not there yet.
                try (var other = clients.consumer()) {
                    other.assign(List.of(partition));
                    other.seek(partition, records);
                    assertEquals(20, Clients.read(other, 20).size());
                    assertEquals(
                            records + 20,
                            member.committed(Set.of(partition), Duration.ofSeconds(60))
                                    .get(partition)
                                    .offset());
                }
            } finally {
                for (RawConnection connection : stuck) {
                    connection.close();
                }
            }
        }
    }

    private static void heartbeat(BrokerProcess broker) throws IOException {
        try (RawConnection connection = new RawConnection(broker)) {
            connection.send(RawConnection.request(
                    ApiKeys.HEARTBEAT,
                    3,
                    1,
                    new HeartbeatRequestData()
                            .setGroupId("g")
                            .setGenerationId(1)
                            .setMemberId("nobody")));
            var body = RawConnection.body(
                    ApiKeys.HEARTBEAT, 3, connection.receive(60_000).orElseThrow());
            assertEquals(
                    Errors.UNKNOWN_MEMBER_ID, Errors.forCode(new HeartbeatResponseData(body, (short) 3).errorCode()));
        }
    }
}
